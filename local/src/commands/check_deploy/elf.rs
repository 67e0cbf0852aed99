//! What a Linux executable needs of the machine that runs it, read from its ELF headers (`man 5 elf`).

/// `SHT_GNU_verneed`: the section with the versions of the libraries' symbols.
const VERSIONS_NEEDED: u32 = 0x6fff_fffe;

/// An executable's needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// The processor: `e_machine`.
    pub(super) machine: u16,
    /// The newest version of the C library of which it uses a symbol, such as `(2, 34)`; `(0, 0)` when it uses none.
    pub(super) glibc: (u32, u32),
}

/// Reads an executable; `None` when it is no complete 64-bit little-endian ELF file, the only kind that Lambda runs.
pub(super) fn needs(file: &[u8]) -> Option<Needs> {
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let elf = Elf(file);
    let sections = elf.table(elf.long(0x28)?, elf.short(0x3a)?, elf.short(0x3c)?)?;
    let mut glibc = (0, 0);
    for section in &sections {
        if section.int(4)? != VERSIONS_NEEDED {
            continue;
        }
        let names = sections.get(section.int(0x28)? as usize)?;
        let names = elf.from(names.long(0x18)?)?;
        let mut library = elf.from(section.long(0x18)?)?;
        for _ in 0..section.int(0x2c)? {
            let mut version = library.from(library.int(8)?.into())?;
            for _ in 0..library.short(2)? {
                glibc = glibc.max(names.from(version.int(8)?.into())?.glibc_version().unwrap_or_default());
                version = version.from(version.int(12)?.into())?;
            }
            library = library.from(library.int(12)?.into())?;
        }
    }
    Some(Needs { machine: elf.short(0x12)?, glibc })
}

/// Bytes of the file, from some place to its end.
#[derive(Clone, Copy)]
struct Elf<'a>(&'a [u8]);

impl Elf<'_> {
    fn from(self, offset: u64) -> Option<Self> {
        self.0.get(usize::try_from(offset).ok()?..).map(Self)
    }

    /// Entries of one size.
    fn table(self, offset: u64, size: u16, count: u16) -> Option<Vec<Self>> {
        (0..count).map(|index| self.from(offset + u64::from(index) * u64::from(size))).collect()
    }

    fn bytes<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }

    fn short(self, offset: usize) -> Option<u16> {
        self.bytes(offset).map(u16::from_le_bytes)
    }

    fn int(self, offset: usize) -> Option<u32> {
        self.bytes(offset).map(u32::from_le_bytes)
    }

    fn long(self, offset: usize) -> Option<u64> {
        self.bytes(offset).map(u64::from_le_bytes)
    }

    /// The version in a name such as `GLIBC_2.34` or `GLIBC_2.2.5`; `None` for a symbol of another library.
    fn glibc_version(self) -> Option<(u32, u32)> {
        let name = self.0.split(|byte| *byte == 0).next()?;
        let mut numbers = str::from_utf8(name.strip_prefix(b"GLIBC_")?).ok()?.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_test() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn an_executable_of_this_machine_needs_its_processor_and_its_c_library() {
        let needs = needs(&this_test()).unwrap();

        let machine = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
        assert_eq!((needs.machine, needs.glibc.0), (machine, 2));
        assert!(needs.glibc.1 >= 17, "Rust asks for 2.17 at least: {needs:?}");
    }

    #[test]
    fn what_is_no_complete_elf_file_has_no_needs() {
        let file = this_test();

        assert_eq!(needs(b"#!/bin/sh\n"), None);
        assert_eq!(needs(b""), None);
        for length in [6, 0x20, 0x3e, file.len() / 2] {
            assert_eq!(needs(&file[..length]), None, "{length}");
        }
    }
}
