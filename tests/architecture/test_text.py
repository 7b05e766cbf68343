"""What no file of the repository may contain: paths of one machine, hosts of package registries."""

import re

from tests.architecture.source import own_files, relative

# Written in pieces, so that this file does not find itself.
_HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry.npm" + "js.org",
    "deb.deb" + "ian.org",
    "crates" + ".io",
    "proxy.go" + "lang.org",
    "conda.ana" + "conda.org",
]
_FOLDERS = ["wo" + "rk", "ro" + "ot", "ho" + "me"]
_FORBIDDEN = re.compile(
    "|".join([*(re.escape(host) for host in _HOSTS), rf"(?<![\w.~$}})\]-])/(?:{'|'.join(_FOLDERS)})/"])
)


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    found = []
    for path in own_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if match := _FORBIDDEN.search(line):
                found.append(f"{relative(path)}:{number}: {match[0]}")
    assert not found, "\n".join(found)


def test_what_is_forbidden_is_recognised() -> None:
    for folder in _FOLDERS:
        assert _FORBIDDEN.search(f'path = "/{folder}/someone/data"')
        assert not _FORBIDDEN.search(f"docs/{folder}/page.md")
    assert _FORBIDDEN.search("https://" + _HOSTS[0] + "/simple")
