"""Upload voices with their cards to the Hugging Face Hub: ``pip install huggingface-hub``.

    hf auth login
    python docs/hub/upload.py NAME bot/models/screen.onnx bot/models/stage.onnx --dry-run
    python docs/hub/upload.py NAME --space

Each voice becomes the model NAME/onbook-VOICE; --space uploads the page in docs/hub/space. The card
of `screen.onnx` is `screen.md` beside it. The token is that of `hf auth login`, or HF_TOKEN.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import urljoin

try:
    from huggingface_hub import CommitOperationAdd, HfApi, ModelCard
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
except ModuleNotFoundError:
    sys.exit("This needs huggingface-hub. Run .venv/bin/pip install huggingface-hub.")

ROOT = Path(__file__).resolve().parents[2]
SPACE = Path(__file__).with_name("space")
RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)")


def read_card(voice: Path, address: str) -> str:
    """Return the checked card of a voice, whose links lead to the repository at an address.

    Without an address, links into the repository become plain words.
    """
    file = voice.with_suffix(".md").resolve()
    if not file.is_file():
        raise FileNotFoundError(f"{voice} has no card. Write {file}, like bot/models/stage.md.")
    text = file.read_text(encoding="utf-8")
    ModelCard(text)  # raises ValueError for metadata that the Hub would refuse
    here = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
    if not address:
        return RELATIVE_LINK.sub(r"\1", text)
    base = f"{address.rstrip('/')}/{here}"
    return RELATIVE_LINK.sub(lambda link: f"[{link[1]}]({urljoin(base, link[2])})", text)


def list_voice_files(voice: Path, address: str) -> list[CommitOperationAdd]:
    """Return what the repository of a voice consists of: the card and the voice."""
    return [
        CommitOperationAdd("README.md", read_card(voice, address).encode()),
        CommitOperationAdd(voice.name, voice),
    ]


def list_space_files() -> list[CommitOperationAdd]:
    """Return the files of the page."""
    return [CommitOperationAdd(file.name, file) for file in sorted(SPACE.glob("*.*"))]


def upload(api: HfApi, repository: str, kind: str, files: list[CommitOperationAdd]) -> None:
    """Create a repository if there is none, and commit files to it."""
    sdk = "gradio" if kind == "space" else None
    api.create_repo(repository, repo_type=kind, space_sdk=sdk, exist_ok=True)
    commit = api.create_commit(
        repository, files, commit_message="Upload from On Book", repo_type=kind
    )
    print(f"Uploaded {commit.commit_url}.")


def main() -> int:
    """Upload what is named; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="your name on the Hub, or your organisation's")
    parser.add_argument("voices", nargs="*", type=Path, metavar="VOICE.onnx")
    parser.add_argument("--space", action="store_true", help="upload the page, too")
    parser.add_argument("--address", default="", help="the repository's, as .../blob/main")
    parser.add_argument("--dry-run", action="store_true", help="list the files, and send nothing")
    options = parser.parse_args()
    try:
        uploads = [
            (
                f"{options.name}/onbook-{voice.stem}",
                "model",
                list_voice_files(voice, options.address),
            )
            for voice in options.voices
        ]
        if options.space:
            uploads.append((f"{options.name}/onbook", "space", list_space_files()))
        for repository, kind, files in uploads:
            print(f"{kind} {repository}:")
            for file in files:
                print(f"  {file.upload_info.size:>10,} bytes  {file.path_in_repo}")
            if not options.dry_run:
                upload(HfApi(), repository, kind, files)
    except (OSError, ValueError, HfHubHTTPError, LocalTokenNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    if not uploads:
        parser.error("Name a voice file, or add --space.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
