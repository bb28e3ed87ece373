"""What one writes in Python: rows by pyarrow, batch by batch, into a ZIP of pyzipper: `pyarrow_zip.py PARQUET PASSWORD OUT`."""

import sys

import pyarrow.csv
import pyarrow.parquet
import pyzipper

parquet, password, out = sys.argv[1:]
with pyzipper.AESZipFile(out, "w", compression=pyzipper.ZIP_DEFLATED, compresslevel=1, encryption=pyzipper.WZ_AES) as archive:
    archive.setpassword(password.encode())
    source = pyarrow.parquet.ParquetFile(parquet)
    with archive.open("lineitem.csv", "w", force_zip64=True) as entry:
        with pyarrow.csv.CSVWriter(entry, source.schema_arrow) as writer:
            for batch in source.iter_batches():
                writer.write_batch(batch)
