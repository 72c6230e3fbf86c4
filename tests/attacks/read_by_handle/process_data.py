import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
handle = (ctypes.c_char * 136)()
ctypes.c_uint.from_buffer(handle).value = 128
mount = ctypes.c_int()
libc.name_to_handle_at(-100, b"/program/process_data.py", handle, ctypes.byref(mount), 0)
folder = os.open("/program", os.O_RDONLY)
opened = libc.open_by_handle_at(folder, handle, os.O_RDONLY)
if opened < 0:
    raise SystemExit(os.strerror(ctypes.get_errno()))
