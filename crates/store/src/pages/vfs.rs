//! The layer between SQLite and the system's files that writes and compares the checksums of pages.
//!
//! It stands in front of the VFS that is the default when the first journal is opened, and passes everything on but
//! whole pages of a main file. The one place of the crate that speaks C. Every function here is called by SQLite alone, with
//! pointers that SQLite keeps valid for the call: a file's own record lies in memory that SQLite gives and does not move, and
//! is used from one thread at a time.
#![expect(unsafe_code, reason = "SQLite's VFS is an interface of C")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Once;

use rusqlite::Connection;
use rusqlite::ffi as c;

use super::{HEADER_BYTES, PAGE_BYTES, has_sums, is_page, is_whole, seal};
use crate::error::StoreError;

/// Is the name under which SQLite knows this layer, once a journal was opened. A test that writes into a journal past the store
/// opens it with this, as a stock SQLite would leave pages without checksums.
pub const VFS: &CStr = c"countersign-pages";

/// Is SQLite's record of an open file: its own part first, then ours.
#[repr(C)]
struct File {
    base: c::sqlite3_file,
    inner: *mut Inner,
}

/// Is a file behind this layer.
struct Inner {
    /// The record of the VFS behind, which says itself how long it is.
    record: Box<[u64]>,
    /// Present for a main file.
    pages: Option<Pages>,
}

/// Is what is known of a main file.
struct Pages {
    /// Whether its pages carry checksums; absent as long as the file is empty.
    sealed: Option<bool>,
    /// A page on its way out, which SQLite's own copy may not be changed for.
    out: Box<[u8]>,
    /// How many pages were written since the file was synced.
    unsynced: usize,
}

/// Is after how many pages a main file is synced, whether or not SQLite asks for that: 512 KiB.
///
/// Folding the write-ahead log in while commits go on, SQLite leaves the sync to whoever begins the log anew, and that is the writer: it
/// would wait for all that was folded in since, and so would whoever waits for the writer.
const PORTION: usize = 64;

/// Registers the layer, once for the process; if that fails, nothing can be opened under its name.
pub(super) fn register_once() {
    static DONE: Once = Once::new();
    DONE.call_once(register);
}

fn register() {
    // SAFETY: without a name SQLite looks for its default, and initializes itself for that.
    let behind = unsafe { c::sqlite3_vfs_find(ptr::null()) };
    if behind.is_null() {
        return;
    }
    // SAFETY: what SQLite has found it keeps for as long as the process lives.
    let mut vfs = unsafe { *behind };
    vfs.szOsFile = c_int::try_from(size_of::<File>()).unwrap_or(c_int::MAX);
    vfs.pNext = ptr::null_mut();
    vfs.zName = VFS.as_ptr();
    vfs.pAppData = behind.cast();
    vfs.xOpen = Some(open);
    // SAFETY: SQLite keeps the pointer for as long as the process lives, and so does the record. What is not replaced above
    // does not look at which VFS it is called for.
    unsafe { c::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0) };
}

/// Has SQLite leave so many bytes at the end of each page of a file that is still empty.
pub(super) fn reserve(connection: &Connection, bytes: u8) -> Result<(), StoreError> {
    let mut bytes = c_int::from(bytes);
    let place: *mut c_int = &raw mut bytes;
    // SAFETY: the connection is open, and SQLite reads and writes one number at that place.
    let done = unsafe {
        c::sqlite3_file_control(connection.handle(), c"main".as_ptr(), c::SQLITE_FCNTL_RESERVE_BYTES, place.cast())
    };
    if done == c::SQLITE_OK { Ok(()) } else { Err(StoreError::Disk("SQLite reserves no room in its pages".into())) }
}

static METHODS: c::sqlite3_io_methods = c::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    // No file is mapped into memory: what is read that way passes nobody.
    xFetch: None,
    xUnfetch: None,
};

/// Borrows the file behind.
unsafe fn inner<'a>(file: *mut c::sqlite3_file) -> &'a mut Inner {
    // SAFETY: `open` put it there, it lives until `close`, and SQLite uses a file from one thread at a time.
    unsafe { &mut *(*file.cast::<File>()).inner }
}

impl Inner {
    fn file(&mut self) -> *mut c::sqlite3_file {
        self.record.as_mut_ptr().cast()
    }

    fn methods(&mut self) -> &c::sqlite3_io_methods {
        // SAFETY: the file behind is open, and its methods are those of a VFS, which live as long as the process.
        unsafe { &*(*self.file()).pMethods }
    }

    unsafe fn read(&mut self, out: *mut c_void, len: c_int, at: c::sqlite3_int64) -> c_int {
        let file = self.file();
        // SAFETY: there are `len` bytes at `out`.
        self.methods().xRead.map_or(c::SQLITE_IOERR, |read| unsafe { read(file, out, len, at) })
    }

    unsafe fn write(&mut self, bytes: *const c_void, len: c_int, at: c::sqlite3_int64) -> c_int {
        let file = self.file();
        // SAFETY: there are `len` bytes at `bytes`.
        self.methods().xWrite.map_or(c::SQLITE_IOERR, |write| unsafe { write(file, bytes, len, at) })
    }

    /// Counts a page that was written, and syncs a portion that is full.
    fn sync_in_portions(&mut self) -> c_int {
        let Some(pages) = &mut self.pages else { return c::SQLITE_OK };
        pages.unsynced = (pages.unsynced + 1) % PORTION;
        if pages.unsynced != 0 {
            return c::SQLITE_OK;
        }
        let file = self.file();
        // SAFETY: the file behind is open.
        self.methods().xSync.map_or(c::SQLITE_IOERR, |sync| unsafe { sync(file, c::SQLITE_SYNC_NORMAL) })
    }

    /// Says whether it is a main file whose pages carry checksums; one that is empty yet is not known to be any other.
    fn is_sealed(&mut self) -> bool {
        let Some(pages) = &self.pages else { return false };
        if let Some(sealed) = pages.sealed {
            return sealed;
        }
        let mut header = [0; HEADER_BYTES];
        // SAFETY: there are as many bytes at `header`.
        if unsafe { self.read(header.as_mut_ptr().cast(), HEADER_BYTES as c_int, 0) } != c::SQLITE_OK {
            return true;
        }
        let sealed = has_sums(&header);
        self.pages.iter_mut().for_each(|pages| pages.sealed = Some(sealed));
        sealed
    }

    fn is_empty(&mut self) -> bool {
        let (file, mut len) = (self.file(), 0);
        // SAFETY: the file is open, and its length is written to `len`.
        let asked = self.methods().xFileSize.map_or(c::SQLITE_IOERR, |size| unsafe { size(file, &raw mut len) });
        asked == c::SQLITE_OK && len == 0
    }
}

/// Returns a place or a length as SQLite gives it, which is never negative.
fn place(n: impl TryInto<usize>) -> usize {
    n.try_into().unwrap_or(0)
}

unsafe extern "C" fn open(
    vfs: *mut c::sqlite3_vfs,
    name: *const c_char,
    file: *mut c::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: `register` put the VFS behind there, and `file` points to as many bytes as it has asked for.
    let (behind, file) = unsafe { (&mut *(*vfs).pAppData.cast::<c::sqlite3_vfs>(), &mut *file.cast::<File>()) };
    file.base.pMethods = ptr::null();
    let Some(open) = behind.xOpen else { return c::SQLITE_CANTOPEN };
    let mut record = vec![0u64; place(behind.szOsFile).div_ceil(8)].into_boxed_slice();
    let under: *mut c::sqlite3_file = record.as_mut_ptr().cast();
    // SAFETY: the arguments are SQLite's own, but for the record, which is as long as the VFS behind wants it.
    let opened = unsafe { open(behind, name, under, flags, out) };
    // SAFETY: a VFS sets the methods of what it has opened, or has to be told of the end of.
    if unsafe { (*under).pMethods.is_null() } {
        return opened;
    }
    let main = flags & c::SQLITE_OPEN_MAIN_DB != 0;
    let pages = main.then(|| Pages { sealed: None, out: vec![0; PAGE_BYTES].into_boxed_slice(), unsynced: 0 });
    file.inner = Box::into_raw(Box::new(Inner { record, pages }));
    // What could not be opened SQLite closes, as the file behind has asked for.
    file.base.pMethods = &raw const METHODS;
    opened
}

unsafe extern "C" fn close(file: *mut c::sqlite3_file) -> c_int {
    // SAFETY: it came from a box, and SQLite closes a file once.
    let mut inner = unsafe { Box::from_raw((*file.cast::<File>()).inner) };
    let under = inner.file();
    // SAFETY: the file behind is open.
    inner.methods().xClose.map_or(c::SQLITE_OK, |close| unsafe { close(under) })
}

unsafe extern "C" fn read(file: *mut c::sqlite3_file, out: *mut c_void, len: c_int, at: c::sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and there are `len` bytes at `out`.
    let (inner, done) = unsafe { (inner(file), inner(file).read(out, len, at)) };
    let (from, bytes) = (place(at), place(len));
    let seen = done == c::SQLITE_OK || done == c::SQLITE_IOERR_SHORT_READ;
    if inner.pages.is_none() || !seen || from + bytes <= HEADER_BYTES || !inner.is_sealed() {
        return done;
    }
    // SAFETY: the bytes were written by the file behind, which fills up with zeros what is missing.
    let page = unsafe { std::slice::from_raw_parts(out.cast::<u8>(), bytes) };
    if done == c::SQLITE_IOERR_SHORT_READ && inner.is_empty() || is_page(from, bytes) && is_whole(page, from) {
        done
    } else {
        c::SQLITE_IOERR_DATA
    }
}

unsafe extern "C" fn write(file: *mut c::sqlite3_file, new: *const c_void, len: c_int, at: c::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let inner = unsafe { inner(file) };
    if inner.pages.is_none() || !is_page(place(at), place(len)) || !inner.is_sealed() {
        // SAFETY: there are `len` bytes at `new`.
        return unsafe { inner.write(new, len, at) };
    }
    let Some(mut out) = inner.pages.as_mut().map(|pages| std::mem::take(&mut pages.out)) else {
        return c::SQLITE_IOERR;
    };
    // SAFETY: there are `len` bytes at `new`, which is a page.
    out.copy_from_slice(unsafe { std::slice::from_raw_parts(new.cast::<u8>(), place(len)) });
    seal(&mut out, place(at));
    // SAFETY: there are as many bytes in `out`.
    let done = unsafe { inner.write(out.as_ptr().cast(), len, at) };
    inner.pages.iter_mut().for_each(|pages| pages.out = std::mem::take(&mut out));
    if done == c::SQLITE_OK { inner.sync_in_portions() } else { done }
}

/// Says what the file behind says, but that less than a page cannot be read: SQLite would read parts of a page past its checksum.
unsafe extern "C" fn device_characteristics(file: *mut c::sqlite3_file) -> c_int {
    // SAFETY: the file is open.
    let inner = unsafe { inner(file) };
    let under = inner.file();
    // SAFETY: the file behind is open.
    let says = inner.methods().xDeviceCharacteristics.map_or(0, |says| unsafe { says(under) });
    says & !c::SQLITE_IOCAP_SUBPAGE_READ
}

unsafe extern "C" fn shm_barrier(file: *mut c::sqlite3_file) {
    // SAFETY: the file is open.
    let inner = unsafe { inner(file) };
    let under = inner.file();
    if let Some(barrier) = inner.methods().xShmBarrier {
        // SAFETY: the file behind is open.
        unsafe { barrier(under) }
    }
}

/// Passes a call on to the file behind.
macro_rules! passed_on {
    ($($name:ident: $method:ident($($argument:ident: $kind:ty),*) or $else:expr;)*) => {$(
        unsafe extern "C" fn $name(file: *mut c::sqlite3_file $(, $argument: $kind)*) -> c_int {
            // SAFETY: the file is open.
            let inner = unsafe { inner(file) };
            let under = inner.file();
            // SAFETY: the file behind is open, and the arguments are SQLite's own.
            inner.methods().$method.map_or($else, |method| unsafe { method(under $(, $argument)*) })
        }
    )*};
}

passed_on! {
    truncate: xTruncate(len: c::sqlite3_int64) or c::SQLITE_IOERR;
    sync: xSync(flags: c_int) or c::SQLITE_IOERR;
    file_size: xFileSize(out: *mut c::sqlite3_int64) or c::SQLITE_IOERR;
    lock: xLock(level: c_int) or c::SQLITE_IOERR;
    unlock: xUnlock(level: c_int) or c::SQLITE_IOERR;
    check_reserved_lock: xCheckReservedLock(out: *mut c_int) or c::SQLITE_IOERR;
    file_control: xFileControl(op: c_int, about: *mut c_void) or c::SQLITE_NOTFOUND;
    sector_size: xSectorSize() or 4_096;
    shm_map: xShmMap(region: c_int, bytes: c_int, make: c_int, out: *mut *mut c_void) or c::SQLITE_IOERR;
    shm_lock: xShmLock(from: c_int, count: c_int, flags: c_int) or c::SQLITE_IOERR;
    shm_unmap: xShmUnmap(delete: c_int) or c::SQLITE_OK;
}
