"""What one writes in Python: rows by pyarrow, batch by batch, into a ZIP of pyzipper: `pyarrow_zip.py PARQUET PASSWORD OUT`."""

import sys

import pyarrow.csv
import pyarrow.parquet
import pyzipper

parquet, password, out = sys.argv[1:]
with pyzipper.AESZipFile(out, "w", compression=pyzipper.ZIP_DEFLATED, compresslevel=1, encryption=pyzipper.WZ_AES) as archive:
    archive.setpassword(password.encode())
    source = pyarrow.parquet.ParquetFile(parquet)
    # The writer of CSV does not know views.
    is_view = pyarrow.types.is_string_view
    fields = [field.with_type(pyarrow.string()) if is_view(field.type) else field for field in source.schema_arrow]
    schema = pyarrow.schema(fields)
    with archive.open("lineitem.csv", "w", force_zip64=True) as entry:
        with pyarrow.csv.CSVWriter(entry, schema) as writer:
            for batch in source.iter_batches():
                writer.write_table(pyarrow.Table.from_batches([batch]).cast(schema))
