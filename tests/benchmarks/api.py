"""Benchmark of GetProductAsEndUser: this server, a bare Django JSON view, moto's mock.

    python -m tests.benchmarks.api [SECONDS]         (default 5)

All three run in their default configuration, one after the other, on the same machine
and under the same load: signed requests over new connections, from as many processes as
there are web processes. The bare view verifies the signature and runs the same prepared
queries; it stores no nonces, has no rate limit and logs nothing.
"""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from urllib.request import Request, urlopen

CLIENTS = 2
WARM = 200
GUNICORN = [
    sys.executable,
    "-m",
    "gunicorn",
    "--workers=2",
    "--preload",
    "--log-level=error",
]


def prepare():
    """Create an empty database with one product, granted to one user with a key."""
    import django

    django.setup()
    from django.core.management import call_command

    from catalog.models import Portfolio, Product
    from console.api.access_keys import AccessKey
    from console.lib.users import User

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("bench")
    product = Product.objects.create(name="Web service", provider="IT")
    portfolio = Portfolio.objects.create(name="Everyday", provider="IT")
    portfolio.products.add(product)
    portfolio.grants.create(user=user)
    key = AccessKey.objects.issue(user, by=None)
    return key.pk, key.secret_text, product.pk


def signed_calls(count, port, key, secret, product):
    """Sign the requests in advance, so that the load is only their sending."""
    from tests.signing import headers_for

    for _ in range(count):
        query = {"ProductId": product}
        headers = headers_for(
            "GetProductAsEndUser",
            key,
            secret,
            query=query,
            body=b"",
            host=f"127.0.0.1:{port}",
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield (
            f"POST /?ProductId={product} HTTP/1.1\r\n{lines}"
            "content-length: 0\r\nconnection: close\r\n\r\n"
        ).encode()


def aws_calls(count, port, product):
    body = json.dumps({"Id": product})
    call = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "X-Amz-Target: AWS242ServiceCatalogService.DescribeProduct\r\n"
        "Content-Type: application/x-amz-json-1.1\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/servicecatalog/"
        "aws4_request, SignedHeaders=host, Signature=0\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )
    return [call.encode()] * count


def send_calls(port, calls, seconds, answered):
    """Send requests one after the other for a time; return how many succeeded."""
    good, end = 0, time.monotonic() + seconds
    for call in calls:
        if time.monotonic() > end:
            break
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(call)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        good += answer.startswith(b"HTTP/1.1 200")
    else:
        raise SystemExit("too few calls were prepared: the server was faster")
    answered.put(good)


def load(port, calls, seconds):
    """Return the responses per second under the load of CLIENTS processes."""
    calls = list(calls)
    answered = multiprocessing.Queue()
    share = len(calls) // CLIENTS
    clients = [
        multiprocessing.Process(
            target=send_calls,
            args=(port, calls[n * share : (n + 1) * share], seconds, answered),
        )
        for n in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    total = sum(answered.get() for _ in clients)
    for client in clients:
        client.join()
    return total / seconds


@contextmanager
def server(command, port):
    process = subprocess.Popen(
        command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(application, seconds, identity):
    port = free_port()
    calls = list(signed_calls(int(seconds * 4000), port, *identity))
    with server([*GUNICORN, application, f"--bind=127.0.0.1:{port}"], port):
        load(port, calls[: len(calls) // 8], 1)
        return load(port, calls[len(calls) // 8 :], seconds)


def measure_moto(seconds):
    port = free_port()
    with server([sys.executable, "-m", "moto.server", "-p", str(port)], port):
        product = {
            "Name": "Web service",
            "Owner": "IT",
            "ProductType": "CLOUD_FORMATION_TEMPLATE",
            "IdempotencyToken": "t",
            "ProvisioningArtifactParameters": {
                "Name": "1",
                "Info": {"LoadTemplateFromURL": "https://example.com/t"},
            },
        }
        headers = {
            "X-Amz-Target": "AWS242ServiceCatalogService.CreateProduct",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/"
            "servicecatalog/aws4_request, SignedHeaders=host, Signature=0",
        }
        request = Request(
            f"http://127.0.0.1:{port}/", json.dumps(product).encode(), headers
        )
        made = json.load(urlopen(request))
        pk = made["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
        calls = aws_calls(int(seconds * 4000), port, pk)
        load(port, calls, 1)
        return load(port, calls, seconds)


def benchmark_api(seconds=5.0):
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "CONSOLE_DATA_DIR": folder,
            "CONSOLE_API_RATE": "100000",
            "DJANGO_SETTINGS_MODULE": "console.settings",
            "NO_PROXY": "127.0.0.1",
        }
        identity = prepare()
        figures = {
            "this server": measure("console.wsgi:application", seconds, identity),
            "bare Django view": measure(
                "tests.benchmarks.bare_view:application", seconds, identity
            ),
            "moto's mock": measure_moto(seconds),
        }
    ours = figures["this server"]
    for name, rate in figures.items():
        print(
            f"{name:18} {rate:8.0f} calls/s   ours is {ours / rate:.2f} times as fast"
        )


if __name__ == "__main__":
    benchmark_api(*map(float, sys.argv[1:]))
