//! SQLite on simulated disks: the VFS that every connection of the process gets.
//!
//! The one place of the crate that speaks C. Every function here is called by SQLite alone, with pointers that SQLite keeps
//! valid for the call: a file's own record lies in memory that SQLite gives and does not move, and what a path points at ends
//! with a zero.
#![expect(unsafe_code, reason = "SQLite's VFS is an interface of C")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use libsqlite3_sys as c;

use crate::disk::{Disk, DiskError, Handle, Level, Open, disk_of};
use crate::rng::Rng;

/// Is SQLite's record of an open file: its own part first, then ours.
#[repr(C)]
struct File {
    base: c::sqlite3_file,
    handle: *mut Handle,
}

static REGISTERED: Once = Once::new();
static CHANCE: Mutex<Option<Rng>> = Mutex::new(None);
static RUN: Mutex<()> = Mutex::new(());

/// Is the right to run a seed: SQLite has one source of randomness for the whole process.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "the turn ends when it is dropped")] MutexGuard<'static, ()>);

/// Makes the simulated disks the ones that SQLite uses in this process, for good. What it draws by chance is then not part of
/// a run: of that, the journal holds salts alone, which say which frames of its log belong together.
pub fn install() {
    REGISTERED.call_once(register);
    CHANCE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| Rng::new(0));
}

/// Waits for the turn, makes the simulated disks the ones that SQLite uses, and begins its randomness anew.
pub(crate) fn take_turn(seed: u64) -> Turn {
    let turn = RUN.lock().unwrap_or_else(PoisonError::into_inner);
    REGISTERED.call_once(register);
    *CHANCE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Rng::new(seed));
    // SAFETY: a request for no bytes makes SQLite forget its state, and no other thread runs a seed.
    unsafe { c::sqlite3_randomness(0, ptr::null_mut()) };
    Turn(turn)
}

fn register() {
    let vfs = c::sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<File>()).unwrap_or(c_int::MAX),
        mxPathname: 512,
        pNext: ptr::null_mut(),
        zName: c"power-loss".as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    };
    // SAFETY: SQLite keeps the pointer for as long as the process lives, and so does the record.
    unsafe { c::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 1) };
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
    xFetch: None,
    xUnfetch: None,
};

/// Borrows the handle of an open file.
unsafe fn handle<'a>(file: *mut c::sqlite3_file) -> &'a mut Handle {
    // SAFETY: `open` put a handle there that lives until `close`, and SQLite uses a file from one thread at a time.
    unsafe { &mut *(*file.cast::<File>()).handle }
}

unsafe fn path<'a>(name: *const c_char) -> Option<&'a Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite's names end with a zero.
    unsafe { CStr::from_ptr(name) }.to_str().ok().map(Path::new)
}

fn code(done: Result<(), DiskError>, failed: c_int) -> c_int {
    match done {
        Ok(()) => c::SQLITE_OK,
        Err(DiskError::Full) => c::SQLITE_FULL,
        Err(_) => failed,
    }
}

fn level(lock: c_int) -> Level {
    match lock {
        c::SQLITE_LOCK_NONE => Level::None,
        c::SQLITE_LOCK_SHARED => Level::Shared,
        c::SQLITE_LOCK_RESERVED => Level::Reserved,
        _ => Level::Exclusive,
    }
}

/// Returns a place or a length as SQLite gives it, which is never negative.
fn place(n: impl TryInto<usize>) -> usize {
    n.try_into().unwrap_or(0)
}

unsafe extern "C" fn open(
    _: *mut c::sqlite3_vfs,
    name: *const c_char,
    file: *mut c::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let has = |flag: c_int| flags & flag != 0;
    let how = Open {
        writable: has(c::SQLITE_OPEN_READWRITE),
        create: has(c::SQLITE_OPEN_CREATE),
        exclusive: has(c::SQLITE_OPEN_EXCLUSIVE),
        sync_name: has(c::SQLITE_OPEN_MAIN_JOURNAL) || has(c::SQLITE_OPEN_WAL),
    };
    // SAFETY: `file` points to as many bytes as `register` has asked for.
    let file = unsafe { &mut *file.cast::<File>() };
    file.base.pMethods = ptr::null();
    // SAFETY: the name is SQLite's.
    let Some((disk, path)) = unsafe { path(name) }.and_then(|path| Some((disk_of(path)?, path))) else {
        return c::SQLITE_CANTOPEN;
    };
    match disk.open(path, how) {
        Ok(mut handle) => {
            handle.removed_at_end = has(c::SQLITE_OPEN_DELETEONCLOSE).then(|| path.to_owned());
            file.handle = Box::into_raw(Box::new(handle));
            file.base.pMethods = &raw const METHODS;
            if !out.is_null() {
                // SAFETY: where it is not null it is SQLite's.
                unsafe { *out = flags };
            }
            c::SQLITE_OK
        }
        Err(DiskError::Full) => c::SQLITE_FULL,
        Err(_) => c::SQLITE_CANTOPEN,
    }
}

/// Does something on the disk a name is on.
unsafe fn on_disk(name: *const c_char, act: impl FnOnce(&Disk, &Path) -> c_int) -> c_int {
    // SAFETY: the name is SQLite's.
    let found = unsafe { path(name) }.and_then(|path| Some((disk_of(path)?, path)));
    found.map_or(c::SQLITE_CANTOPEN, |(disk, path)| act(&disk, path))
}

unsafe extern "C" fn delete(_: *mut c::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    let act = |disk: &Disk, path: &Path| match disk.delete(path, sync_folder != 0) {
        Err(DiskError::Missing) => c::SQLITE_IOERR_DELETE_NOENT,
        other => code(other, c::SQLITE_IOERR_DELETE),
    };
    // SAFETY: the name is SQLite's.
    unsafe { on_disk(name, act) }
}

unsafe extern "C" fn access(_: *mut c::sqlite3_vfs, name: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    let act = |disk: &Disk, path: &Path| {
        // SAFETY: SQLite waits for an answer there.
        unsafe { *out = c_int::from(disk.is_there(path)) };
        c::SQLITE_OK
    };
    // SAFETY: the name is SQLite's.
    unsafe { on_disk(name, act) }
}

unsafe extern "C" fn full_pathname(_: *mut c::sqlite3_vfs, name: *const c_char, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: the name is SQLite's, and there are `len` bytes for it at `out`.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > place(len) {
            return c::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len());
    }
    c::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut c::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: there are `len` bytes at `out`, which SQLite has made.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), place(len)) };
    if let Some(rng) = CHANCE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        rng.fill(out);
    }
    len
}

unsafe extern "C" fn sleep(_: *mut c::sqlite3_vfs, _: c_int) -> c_int {
    // Whoever is in the way is a thread of this process; how long it takes is not part of the model.
    std::thread::sleep(std::time::Duration::from_micros(20));
    0
}

unsafe extern "C" fn current_time(_: *mut c::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite waits for an answer there.
    unsafe { *out = 2_460_000.0 };
    c::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut c::sqlite3_vfs, out: *mut c::sqlite3_int64) -> c_int {
    // SAFETY: SQLite waits for an answer there.
    unsafe { *out = 2_460_000 * 86_400_000 };
    c::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut c::sqlite3_file) -> c_int {
    // SAFETY: the handle came from a box, and SQLite closes a file once.
    drop(unsafe { Box::from_raw((*file.cast::<File>()).handle) });
    c::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut c::sqlite3_file, out: *mut c_void, len: c_int, at: c::sqlite3_int64) -> c_int {
    // SAFETY: there are `len` bytes at `out`, which SQLite has made.
    let (handle, out) = unsafe { (handle(file), std::slice::from_raw_parts_mut(out.cast::<u8>(), place(len))) };
    match handle.read(place(at), out) {
        Ok(read) if read == out.len() => c::SQLITE_OK,
        Ok(read) => {
            out.iter_mut().skip(read).for_each(|byte| *byte = 0);
            c::SQLITE_IOERR_SHORT_READ
        }
        Err(_) => c::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(file: *mut c::sqlite3_file, new: *const c_void, len: c_int, at: c::sqlite3_int64) -> c_int {
    // SAFETY: there are `len` bytes at `new`.
    let (handle, new) = unsafe { (handle(file), std::slice::from_raw_parts(new.cast::<u8>(), place(len))) };
    code(handle.write(place(at), new), c::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut c::sqlite3_file, len: c::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.resize(place(len)), c::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut c::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.sync(), c::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut c::sqlite3_file, out: *mut c::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let len = unsafe { handle(file) }.len();
    let answer = |len| {
        // SAFETY: SQLite waits for an answer there.
        unsafe { *out = i64::try_from(len).unwrap_or(i64::MAX) };
    };
    code(len.map(answer), c::SQLITE_IOERR_FSTAT)
}

fn locked(got: Result<bool, DiskError>, failed: c_int) -> c_int {
    match got {
        Ok(true) => c::SQLITE_OK,
        Ok(false) => c::SQLITE_BUSY,
        Err(_) => failed,
    }
}

unsafe extern "C" fn lock(file: *mut c::sqlite3_file, to: c_int) -> c_int {
    // SAFETY: the file is open.
    locked(unsafe { handle(file) }.lock(level(to)), c::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: *mut c::sqlite3_file, to: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { handle(file) }.unlock(level(to));
    c::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut c::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open, and SQLite waits for an answer at `out`.
    unsafe { *out = c_int::from(handle(file).locks.is_reserved()) };
    c::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut c::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    c::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut c::sqlite3_file) -> c_int {
    4_096
}

/// Says what SQLite's own Unix VFS says: a write changes no byte outside of it, whatever happens.
unsafe extern "C" fn device_characteristics(_: *mut c::sqlite3_file) -> c_int {
    c::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut c::sqlite3_file,
    region: c_int,
    bytes: c_int,
    make: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open.
    let at = unsafe { handle(file) }.locks.region(place(region), place(bytes), make != 0);
    // SAFETY: SQLite waits for an answer there. What it points to is made to be changed by several threads, does not
    // move, and lives as long as any handle of the file.
    unsafe { *out = at.cast_mut().cast() };
    c::SQLITE_OK
}

unsafe extern "C" fn shm_lock(file: *mut c::sqlite3_file, from: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    let mask = ((1u32 << count) - 1) << from;
    if flags & c::SQLITE_SHM_UNLOCK != 0 {
        handle.give_slots(mask);
        return c::SQLITE_OK;
    }
    locked(handle.take_slots(mask, flags & c::SQLITE_SHM_EXCLUSIVE != 0), c::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn shm_barrier(_: *mut c::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut c::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { handle(file) }.give_slots(u32::MAX);
    c::SQLITE_OK
}
