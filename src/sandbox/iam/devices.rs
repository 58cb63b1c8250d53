//! Virtual MFA devices: made, enabled with two codes, listed, taken away.

use super::{NAME, exists, no_entity, whole};
use crate::sandbox::Call;
use crate::sandbox::fault::{Code, Fault};
use crate::sandbox::query::check;
use crate::sandbox::state::{VirtualDevice, random};
use crate::sandbox::totp::Device;
use crate::sandbox::xml::Xml;

pub fn list(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.user_name()?;
    let account = call.account()?;
    if !account.users.contains_key(&name) {
        return Err(no_entity("user", &name));
    }
    let members = account.devices.iter().filter_map(|(serial, device)| {
        let (owner, since) = device.owner.as_ref()?;
        (*owner == name).then(|| {
            Xml::default()
                .text("UserName", owner)
                .text("SerialNumber", serial)
                .text("EnableDate", &since.to_seconds_text())
        })
    });
    Ok(whole("MFADevices", members))
}

/// Makes a device. AWS's `QRCodePNG` is left out: the seed says it all, and here no phone is at hand.
pub fn create(call: &mut Call) -> Result<Xml, Fault> {
    let name = call.name("VirtualMFADeviceName", "virtualMFADeviceName")?;
    let path = call.path()?;
    let resource = format!("mfa{path}{name}");
    let serial = format!("arn:aws:iam::{}:{resource}", call.caller.account);
    let device = VirtualDevice { device: Device::new(random()?), owner: None };
    let seed = aws_smithy_types::base64::encode(device.device.seed());
    let account = call.administered("iam:CreateVirtualMFADevice", &resource)?;
    if account.devices.contains_key(&serial) {
        return Err(exists("MFADevice", &name));
    }
    account.devices.insert(serial.clone(), device);
    let shown = Xml::default().text("SerialNumber", &serial).text("Base32StringSeed", &seed);
    Ok(Xml::default().element("VirtualMFADevice", &shown))
}

pub fn enable(call: &mut Call) -> Result<(), Fault> {
    let name = call.name("UserName", "userName")?;
    let serial = call.parameters.required("SerialNumber", "serialNumber")?;
    let first = call.parameters.required("AuthenticationCode1", "authenticationCode1")?;
    let second = call.parameters.required("AuthenticationCode2", "authenticationCode2")?;
    let now = call.now;
    let account = call.administered("iam:EnableMFADevice", &format!("user/{name}"))?;
    if !account.users.contains_key(&name) {
        return Err(no_entity("user", &name));
    }
    let device = account.devices.get_mut(serial).ok_or_else(|| unknown(serial))?;
    if device.owner.is_some() {
        return Err(Fault::new(Code::EntityAlreadyExists, "MFADevice is already in use"));
    }
    if !device.device.accept_pair(first, second, now) {
        return Err(Fault::new(Code::InvalidAuthenticationCode, "Authentication code for device is not valid"));
    }
    device.owner = Some((name, now));
    Ok(())
}

pub fn deactivate(call: &mut Call) -> Result<(), Fault> {
    let serial = call.parameters.required("SerialNumber", "serialNumber")?;
    let name = call.user_name()?;
    let account = call.administered("iam:DeactivateMFADevice", &format!("user/{name}"))?;
    let device = account
        .devices
        .get_mut(serial)
        .filter(|device| device.owner.as_ref().is_some_and(|(owner, _)| *owner == name))
        .ok_or_else(|| unknown(serial))?;
    device.owner = None;
    Ok(())
}

pub fn delete(call: &mut Call) -> Result<(), Fault> {
    let serial = call.parameters.required("SerialNumber", "serialNumber")?;
    let resource = serial.rsplit(':').next().unwrap_or_default();
    check(resource.rsplit('/').next().unwrap_or_default(), "serialNumber", &NAME)?;
    let account = call.administered("iam:DeleteVirtualMFADevice", resource)?;
    match account.devices.get(serial) {
        None => return Err(unknown(serial)),
        Some(VirtualDevice { owner: Some(_), .. }) => {
            return Err(Fault::new(Code::DeleteConflict, "MFA VirtualDevice in use. Must deactivate first."));
        }
        Some(VirtualDevice { owner: None, .. }) => {}
    }
    account.devices.remove(serial);
    Ok(())
}

fn unknown(serial: &str) -> Fault {
    Fault::new(Code::NoSuchEntity, format!("VirtualMFADevice with serial number {serial} does not exist."))
}
