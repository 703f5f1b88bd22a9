import logging
from types import SimpleNamespace

import pytest
from dvc.exceptions import DownloadError, DvcException

from flows.pinned.remotes import RemoteError, reached
from flows.pinned.repository import opened
from tests.flows.conftest import DIAMOND, Toy

REPO = SimpleNamespace(
    config={
        "core": {"remote": "store"},
        "remote": {"store": {"url": "s3://bucket", "endpointurl": "http://here"}},
    }
)


class ClientError(Exception):
    """As the libraries of storage have them: with no common ancestor."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ClientError("Unable to locate credentials"),
            "Unable to locate credentials\n  -> give it credentials",
        ),
        (PermissionError("not you"), "not you\n  -> give it credentials"),
        (ConnectionError("refused\n by the peer"), "refused by the peer\n  -> is it up"),
        (ClientError(), "ClientError\n  -> is it up"),
        (ImportError("s3 requires 'dvc-s3'"), "needs dvc-s3, which is not installed here"),
    ],
)
def test_what_a_remote_or_the_way_to_it_raises_is_said_with_what_to_do(error: Exception, said: str) -> None:
    with pytest.raises(RemoteError) as caught, reached(REPO):
        raise error
    assert str(caught.value).startswith("the DVC remote 'store' (s3://bucket at http://here) ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file", "/here/file"),
        PermissionError(13, "Permission denied", "/here/file"),
        OSError(28, "No space left on device"),
        DvcException("another reason"),
        DownloadError(3),
        KeyError("in code"),
    ],
)
def test_what_is_of_this_machine_or_of_dvc_itself_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, reached(REPO):
        raise error
    assert caught.value is error


def test_what_kept_single_files_away_is_found_though_dvc_only_counts_them(toy: Toy) -> None:
    root = toy(DIAMOND)

    def fails() -> None:
        try:
            raise ClientError("Forbidden")
        except ClientError:
            logging.getLogger("dvc_data.hashfile.transfer").exception("failed to transfer a file")
        raise DownloadError(1)

    with opened(root), pytest.raises(RemoteError, match="cannot be used: Forbidden"), reached(REPO):
        fails()
    with pytest.raises(DownloadError), reached(REPO):
        raise DownloadError(1)  # what failed before is no reason
