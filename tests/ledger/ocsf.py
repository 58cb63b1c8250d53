"""Holds the events of OCSF on standard input against the schema's own classes."""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION = "1.8.0"
schema = get_ocsf_schema(version=VERSION)
classes = {one["uid"]: one for one in schema["classes"].values()}
generator = OcsfJsonSchemaEmbedded(schema)
validators = {}
seen = set()

for line in sys.stdin:
    event = json.loads(line)
    profiles = event["metadata"]["profiles"]
    uid = event["class_uid"]
    if uid not in validators:
        of_class = generator.get_class_schema(generator.lookup_class_name_from_uid(uid), profiles=profiles)
        validators[uid] = Draft202012Validator(of_class)
    errors = [f"{error.json_path}: {error.message}" for error in validators[uid].iter_errors(event)]
    # What a validator of JSON does not see: that names are those of their numbers.
    attributes = classes[uid]["attributes"]
    for name in ("activity", "severity", "status", "category", "class", "type"):
        number = next((event[key] for key in (f"{name}_id", f"{name}_uid") if key in event), None)
        key = f"{name}_name" if name in ("activity", "category", "class", "type") else name
        of_number = attributes[f"{name}_uid" if f"{name}_uid" in attributes else f"{name}_id"].get("enum", {})
        caption = of_number.get(str(number), {}).get("caption")
        if number is not None and (name, number) != ("activity", 99) and caption != event[key]:
            errors.append(f"{key} is {event[key]}, that of {number} is {caption}")
    if event["metadata"]["version"] != VERSION or event["type_uid"] != uid * 100 + event["activity_id"]:
        errors.append("version or type")
    if errors:
        sys.exit(f"{line}{errors}")
    seen.add(event["class_name"])

print(json.dumps(sorted(seen)))
