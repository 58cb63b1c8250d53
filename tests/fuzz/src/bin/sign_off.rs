//! What is handed over to be approved or as an approval, or with it: a line, a file, or text with blocks in it.
#![no_main]

use glass_fuzz::model::sign_off::approval::Approval;
use glass_fuzz::model::sign_off::block;
use glass_fuzz::model::sign_off::gather::gather;
use glass_fuzz::model::sign_off::growth::Growth;
use glass_fuzz::model::sign_off::sheet::Sheet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(sheet) = Sheet::parse(bytes) {
        assert_eq!(sheet.line().as_bytes(), bytes);
        assert_eq!(Sheet::write(sheet.asked()).expect("it was read").line(), sheet.line());
    }
    if let Ok(approval) = Approval::parse(bytes) {
        assert_eq!(approval.stored().as_bytes(), bytes);
        approval.statement().to_text().expect("it was read");
        assert!(approval.text().bytes().all(|byte| byte == b'\n' || !byte.is_ascii_control()));
    }
    if let Ok(growth) = Growth::parse(bytes) {
        assert_eq!(growth.stored().as_bytes(), bytes);
    }
    let _gathered = gather(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for (kind, content) in block::read(text).into_iter().flatten() {
        assert_eq!(block::read(&block::write(kind, &content)), Ok(vec![(kind, content)]));
    }
});
