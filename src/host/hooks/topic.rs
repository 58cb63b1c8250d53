//! Entries as messages of an SNS topic.

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;

use super::{HookError, Told};
use crate::host::aws::call::Call;
use crate::host::aws::{HostAws, SignedIn, classify, timeouts};
use crate::host::keychain::Keychain;
use crate::model::identity::Source;
use crate::model::name::{PersonName, TopicArn};
use crate::world::aws::Place;

/// Publishes an entry, with the credentials of a person's source.
pub fn publish(
    told: &Told,
    topic: &TopicArn,
    person: &PersonName,
    source: &Source,
    place: &Place,
) -> Result<(), HookError> {
    let place = Place { region: topic.region(), ..place.clone() };
    let signed_in = HostAws { vault: &Keychain }.resolve(person, source, &place);
    let SignedIn { executor, mut wiring, .. } = signed_in.map_err(HookError::Source)?;
    wiring.timeouts = timeouts(super::PATIENCE);
    let sns = Client::new(&wiring.config());
    let call = Call::default();
    // A topic that keeps an order keeps it within a group, and takes each id once.
    let in_order = topic.as_str().ends_with(".fifo");
    let request = sns
        .publish()
        .topic_arn(topic.as_str())
        .message(told.text())
        .message_attributes("event", text(&told.event))
        .message_attributes("id", text(&told.id()))
        .set_message_group_id(in_order.then(|| "glass".to_owned()))
        .set_message_deduplication_id(in_order.then(|| told.id()))
        .customize()
        .interceptor(call.clone());
    let published = executor.run(request.send());
    published.map(drop).map_err(|error| HookError::Aws(classify::failure(&error, call.clock_ahead())))
}

fn text(value: &str) -> MessageAttributeValue {
    let builder = MessageAttributeValue::builder().data_type("String").string_value(value);
    builder.build().expect("its data type was given")
}
