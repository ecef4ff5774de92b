# SPDX-License-Identifier: Apache-2.0
"""A server of the S3 kind on loopback, for tests; nothing leaves this machine."""

import http.client
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

KEY, SECRET = "AKIDMADEUP", "made-up-secret"


@contextmanager
def serving(buckets: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """Serve buckets of objects; the environment names the server and made-up credentials."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "{}:{}".format(*server.get_host_and_port())
    # One process has one store: what a test before left is still in it.
    _post(address, "/moto-api/reset", b"")
    _post(address, "/moto-api/reset-auth", b"inf")
    try:
        with (
            tempfile.TemporaryDirectory() as nowhere,
            mock.patch.dict(
                os.environ,
                {
                    "AWS_ENDPOINT_URL": f"http://{address}",
                    "AWS_ACCESS_KEY_ID": KEY,
                    "AWS_SECRET_ACCESS_KEY": SECRET,
                    "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_CONFIG_FILE": f"{nowhere}/config",
                    "AWS_SHARED_CREDENTIALS_FILE": f"{nowhere}/credentials",
                    "AWS_EC2_METADATA_DISABLED": "true",
                },
            ),
        ):
            client = boto3.client("s3")
            for bucket, objects in buckets.items():
                client.create_bucket(Bucket=bucket)
                for key, data in objects.items():
                    client.put_object(Bucket=bucket, Key=key, Body=data)
            client.close()
            forget_connections()
            yield address
            forget_connections()
    finally:
        server.stop()


def refuse_from_now_on(address: str) -> None:
    """Make the server ask for credentials that it knows; it knows none."""
    _post(address, "/moto-api/reset-auth", b"0")


def _post(address: str, path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection(address)
    connection.request("POST", path, body=body)
    connection.getresponse().read()
    connection.close()


def forget_connections() -> None:
    """Make fsspec open connections anew: another server has another port."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
