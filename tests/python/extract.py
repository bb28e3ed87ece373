"""Takes a ZIP archive apart with Python's own libraries, and looks at how each entry is encrypted.

Input (JSON on stdin): archive, into, password and cipher (aes256, zipcrypto; null if not encrypted). Output: names, in
the archive's order.
"""

import json
import sys
import zipfile

import pyzipper

ENCRYPTED, UTF8_NAME = 0x1, 0x800
AES_256, AE_2 = 3, 2

task = json.load(sys.stdin)
cipher = task["cipher"]
library = pyzipper.AESZipFile if cipher == "aes256" else zipfile.ZipFile
with library(task["archive"]) as archive:
    if task["password"] is not None:
        archive.setpassword(task["password"].encode())
    for entry in archive.infolist():
        assert bool(entry.flag_bits & ENCRYPTED) == (cipher is not None), entry
        assert entry.filename.isascii() or entry.flag_bits & UTF8_NAME, entry
        if cipher == "aes256":
            assert (entry.wz_aes_strength, entry.wz_aes_version) == (AES_256, AE_2), entry
            assert entry.CRC == 0, "the checksum of an AE-2 entry would tell of its content"
    archive.extractall(task["into"])
    names = archive.namelist()
json.dump({"names": names}, sys.stdout)
