use super::*;
use crate::canvos::preflight::earthfile::read;

#[test]
fn tmp_dump() {
    let Ok(dir) = std::env::var("REDUCE_DIR") else { return };
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let earthfile = read(&path).unwrap();
        let mut row = format!("{}", path.file_name().unwrap().to_str().unwrap());
        for target in ["iso", "uki-iso", "cloud-image", "aws-cloud-image", "iso-disk-image", "build-all-images", "kairos-raw-image", "provider-image"] {
            match earthfile.reduce(&[target], &|_| None) {
                Ok(reduced) => {
                    row += &format!(" {target}={}", reduced.kept.join(","));
                    std::fs::write(path.join(format!("Earthfile.{target}")), reduced.text).unwrap();
                }
                Err(why) => row += &format!(" {target}={why:?}"),
            }
        }
        println!("{row}");
    }
}
