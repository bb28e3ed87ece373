"""What one would use instead: the commands of the peers, and of ours."""

import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
PASSWORD = "correct-horse-battery-staple"


class Bench:
    """Where things are for one size of the data."""

    def __init__(self, python, binary, key, data, work):
        self.python, self.binary, self.key, self.data, self.work = python, binary, str(key), data, work
        self.parquet = str(data / "lineitem" / "lineitem.parquet")
        self.gnupg = work / "gnupg"

    def ours(self, definition, package):
        """The report of that definition, as CSV in that package; and where its file will be."""
        name = {"plain": "", "aes256": ".zip", "zipcrypto": ".zip"}.get(package, ".pgp")
        out = self.work / (f"{definition}{name}" if name == ".zip" else f"{definition}.csv{name}")
        package = self.key if package == "openpgp" else package
        lake, folder = str(self.data), str(self.work)
        return [[self.binary, "report", lake, str(HERE / f"{definition}.toml"), "acme", "{}", folder, "csv", package]], out

    def duckdb(self, *tail, threads=2, out="/dev/stdout"):
        """DuckDB's CSV of the rows."""
        script, spill = str(HERE / "duckdb_csv.py"), str(self.work / "duckdb-spill")
        return [self.python, script, self.parquet, str(threads), spill, str(out), *tail]

    def seven_zip(self, level, out):
        """7-Zip, which deflates and encrypts with AES-256 what it reads."""
        options = [f"-mx={level}", "-tzip", "-mem=AES256", f"-p{PASSWORD}", "-silineitem.csv", "-bd", "-bso0", "-bsp0"]
        return ["7zz", "a", *options, str(out)]

    def zip(self, level, out):
        """Info-ZIP, which encrypts in the traditional way."""
        return ["zip", "-q", f"-{level}", "-P", PASSWORD, str(out), "-"]

    def gpg(self, level, out):
        """GnuPG, which signs, deflates and encrypts."""
        home = ["--homedir", str(self.gnupg), "--batch", "--yes", "--quiet", "--trust-model", "always"]
        compress = ["--compress-algo", "zlib", "--compress-level", str(level)]
        return ["gpg", *home, *compress, "--sign", "--encrypt", "--recipient", self.recipient(), "--output", str(out)]

    def pyarrow(self, out):
        """A function of Python."""
        return [self.python, str(HERE / "pyarrow_zip.py"), self.parquet, PASSWORD, str(out)]

    def recipient(self):
        """Makes GnuPG's folder with a key that signs, where there is none, and tells the recipient's fingerprint."""
        gpg = ["gpg", "--homedir", str(self.gnupg), "--batch", "--quiet"]
        if not self.gnupg.exists():
            self.gnupg.mkdir(mode=0o700, parents=True)
            key = ["--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", "bench", "ed25519", "sign"]
            subprocess.run([*gpg, *key], check=True)
            subprocess.run([*gpg, "--import", self.key], check=True)
        told = subprocess.run([*gpg, "--with-colons", "--show-keys", self.key], check=True, capture_output=True, text=True)
        return next(line.split(":")[9] for line in told.stdout.splitlines() if line.startswith("fpr"))
