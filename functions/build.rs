//! Takes what the documentation page needs of Swagger UI out of its archive: all of it would be three megabytes more in the binary.

use std::{env, error::Error, fs::File, io, io::Cursor, path::Path};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var_os("OUT_DIR").ok_or("cargo names no folder")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let paths = archive.file_names().map(|path| path.map(Into::into)).collect::<Result<Vec<String>, _>>()?;
    for name in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let path = paths.iter().find(|path| path.ends_with(&format!("/dist/{name}"))).ok_or(name)?;
        io::copy(&mut archive.by_name(path)?, &mut File::create(Path::new(&folder).join(name))?)?;
    }
    Ok(())
}
