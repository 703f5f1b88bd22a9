"""An S3 server on loopback that checks signatures, with a bucket and a user of its own."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.flows.dask.cluster import free_port, wait_until

PYTHON = sys.executable
MAY_DO_ALL_IN_S3 = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


class Store:
    """A bucket, and the keys of a user who may read and write there."""

    def __init__(self, endpoint: str, key: str, secret: str, settings: dict[str, str]) -> None:
        self.endpoint, self.key, self.secret, self.settings = endpoint, key, secret, settings

    @property
    def credentials(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    boto3 = pytest.importorskip("boto3")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    nobody = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    elsewhere = {  # nothing of the user's own, and no waiting for a machine of Amazon's to say who this is
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=os.environ | nobody,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _answers(endpoint), "the S3 server")
        client: dict[str, Any] = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "nobody",
            "aws_secret_access_key": "nothing",
        }
        boto3.client("s3", **client).create_bucket(Bucket="bucket")
        users = boto3.client("iam", **client)
        users.create_user(UserName="user")
        key = users.create_access_key(UserName="user")["AccessKey"]
        users.put_user_policy(UserName="user", PolicyName="s3", PolicyDocument=json.dumps(MAY_DO_ALL_IN_S3))
        _check_signatures_from_now_on(endpoint)
        yield Store(endpoint, key["AccessKeyId"], key["SecretAccessKey"], elsewhere)
    finally:
        server.terminate()
        server.wait()


def _answers(endpoint: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{endpoint}/moto-api/"):
        return True
    return False


def _check_signatures_from_now_on(endpoint: str) -> None:
    plain = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", b"0", plain, method="POST")
    urllib.request.urlopen(request).close()
