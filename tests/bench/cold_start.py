"""From the start of a function's process to its first poll for work, and how large it is: `cold_start.py STACK FOLDER`.

STACK is the stack.json of a running local cloud, from which the functions' environment is read and whose services they
call; FOLDER has `api/bootstrap` and the like, as dist/ after `make release`, of this machine's processor. Prints Markdown. Lambda's own part, which is to fetch the package and start
the sandbox, is not in it.
"""

import http.server
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
import zipfile

import boto3

ROUNDS = 15
FUNCTIONS = ["api", "intake", "dispatcher", "sweeper", "worker"]


class Runtime(http.server.ThreadingHTTPServer):
    """Lambda's runtime interface, as far as the first poll."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Poll)
        self.polled = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Poll(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.polled.set()

    def log_message(self, *_):
        pass


def started(runtime, binary, environment):
    """Seconds until it polls."""
    runtime.polled.clear()
    address = f"127.0.0.1:{runtime.server_address[1]}"
    given = {"AWS_LAMBDA_RUNTIME_API": address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [binary], env={"PATH": os.environ["PATH"], **environment, **given}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    polled = runtime.polled.wait(10)
    took = time.perf_counter() - began
    process.kill()
    process.wait()
    if not polled:
        sys.exit(f"{binary} did not poll within 10 s")
    return took


def zipped(binary, scratch):
    """Bytes of the package."""
    with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        package.write(binary, "bootstrap")
    size = scratch.stat().st_size
    scratch.unlink()
    return size


def main():
    stack, folder = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    endpoint, region = stack["aws_endpoint_url"], stack["region"]
    lambdas = boto3.client(
        "lambda", endpoint_url=endpoint, region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
    )
    names = [function["FunctionName"] for page in lambdas.get_paginator("list_functions").paginate() for function in page["Functions"]]
    runtime = Runtime()
    print("| function | to the first poll, median of 15 | binary | zipped |\n|---|---|---|---|")
    for name in (name for name in FUNCTIONS if (folder / name / "bootstrap").exists()):
        full = next(full for full in names if full.lower().endswith(name) or f"-{name}" in full.lower())
        configured = lambdas.get_function_configuration(FunctionName=full)
        environment = {**configured.get("Environment", {}).get("Variables", {})}
        environment |= {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region, "AWS_LAMBDA_FUNCTION_NAME": full,
                        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configured["MemorySize"]), "AWS_LAMBDA_FUNCTION_VERSION": "1",
                        "AWS_LAMBDA_LOG_GROUP_NAME": "bench", "AWS_LAMBDA_LOG_STREAM_NAME": "bench"}
        binary = folder / name / "bootstrap"
        took = statistics.median(started(runtime, binary, environment) for _ in range(ROUNDS))
        size, package = binary.stat().st_size, zipped(binary, folder / "bench.zip")
        print(f"| {name} | {took * 1000:.0f} ms | {size / 1e6:.1f} MB | {package / 1e6:.1f} MB |", flush=True)


main()
