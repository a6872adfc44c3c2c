"""Confines a process irreversibly: landlock, no_new_privs and resource limits. Linux only.

Landlock needs neither root nor a container, and no descendant can get back the access that
it takes away. Numbers are from linux/landlock.h and linux/prctl.h.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
VERSION_FLAG = 1
NO_NEW_PRIVS = 38

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
# Rights known to each ABI, as a count of low bits: REFER came with 2, TRUNCATE
# with 3, IOCTL_DEV with 5.
RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL = 1 << 0, 1 << 1

# Not all of /usr: a container image may hold an application below /usr/src or /usr/local.
# A symbolic link gives access to its target.
SYSTEM_READ = (
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec"),
    *("/usr/share", "/usr/local/bin", "/usr/local/lib", "/usr/local/share"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/ld.so.cache"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/host.conf", "/etc/services", "/etc/protocols", "/etc/localtime"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
)
SYSTEM_WRITE = ("/dev/null",)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def available() -> int:
    """Return the landlock ABI of this kernel, 0 when it has no landlock."""
    return max(int(_libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)), 0)


def enter(read: Iterable[str], write: Iterable[str]) -> None:
    """Give up access to all paths but the system's, those to `read` and those to `write`.

    This cannot be undone. Raises OSError when the kernel refuses.
    """
    abi = available()
    rights = (1 << RIGHTS_BY_ABI.get(abi, 16)) - 1
    ruleset = _create_ruleset(abi, rights)
    for path in (*SYSTEM_READ, *read):
        _allow(ruleset, path, READ)
    for path in (*SYSTEM_WRITE, *write):
        _allow(ruleset, path, rights)
    _checked(_libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _checked(_libc.syscall(RESTRICT_SELF, ruleset, 0), "landlock")
    os.close(ruleset)


def limit(file_bytes: int, memory_bytes: int = 0, cpu_seconds: int = 0) -> None:
    """Limit this process and each descendant; no core dumps, which would hold secrets."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_DATA: memory_bytes or resource.RLIM_INFINITY,
        resource.RLIMIT_CPU: cpu_seconds or resource.RLIM_INFINITY,
    }
    for name, value in wanted.items():
        _, hard = resource.getrlimit(name)
        if resource.RLIM_INFINITY not in (hard, value):
            value = min(value, hard)
        elif value == resource.RLIM_INFINITY:
            value = hard
        resource.setrlimit(name, (value, value))


def _create_ruleset(abi: int, rights: int) -> int:
    """Return the descriptor of an empty rule set, which denies all rights that it handles."""
    attributes = struct.pack("=Q", rights)
    if abi >= 6:  # fields for the network (free: providers need it) and for scopes
        scopes = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL
        attributes = struct.pack("=QQQ", rights, 0, scopes)
    size = ctypes.c_size_t(len(attributes))
    return _checked(_libc.syscall(CREATE_RULESET, attributes, size, 0), "landlock")


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Grant rights to a path and all paths below it; ignore a path that does not exist."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        granted = rights if os.path.isdir(path) else rights & FOR_FILES
        rule = struct.pack("=Qi", granted, descriptor)
        added = _libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)
        _checked(added, path)
    finally:
        os.close(descriptor)


def _checked(result: int, what: str) -> int:
    """Return the result of a call. Raises OSError with the kernel's reason."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return int(result)
