"""Whether this host has room for another run.

Terraform with a full disk loses the record of what it has just made. So where there is no room
nothing begins, and nothing fails for it either: what waits is left to hosts that have some.
"""

import os

from django.conf import settings

# A run has some dozens of files, a provider some more.
FREE_FILES = 1000


def room_for_runs() -> bool:
    """Whether the disk of the runs is above its floor, in bytes and in files."""
    disk = os.statvfs(settings.DATA_DIR)
    # A file system that makes its inodes as they are needed counts none.
    files = disk.f_favail >= FREE_FILES or not disk.f_files
    return files and disk.f_bavail * disk.f_frsize >= settings.FREE_BYTES
