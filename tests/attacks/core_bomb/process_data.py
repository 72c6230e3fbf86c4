import ctypes
import os

held = bytearray(50 * 2**20)
os.chdir("/output")
ctypes.string_at(0)
