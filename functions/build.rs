//! Makes what the functions publish small: it takes what the documentation page needs of Swagger UI out of its archive, of which all
//! would be three megabytes more in the binary, and the indentation, half of their size, from the documents.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io,
    io::Cursor,
    path::Path,
};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var_os("OUT_DIR").ok_or("cargo names no folder")?;
    let folder = Path::new(&folder);
    let files = [
        "openapi/document.json",
        "openapi/patches.json",
        "postman-collection/collection.json",
        "postman-collection/collection-page.json",
        "postman-collection/collection-array.json",
        "api/endpoints.json",
    ];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
        // No text of JSON goes over the end of a line.
        let flat: String = fs::read_to_string(file)?.lines().map(str::trim_start).collect();
        fs::write(folder.join(Path::new(file).file_name().ok_or(file)?), flat)?;
    }
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let paths = archive.file_names().map(|path| path.map(Into::into)).collect::<Result<Vec<String>, _>>()?;
    for name in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let path = paths.iter().find(|path| path.ends_with(&format!("/dist/{name}"))).ok_or(name)?;
        io::copy(&mut archive.by_name(path)?, &mut File::create(folder.join(name))?)?;
    }
    Ok(())
}
