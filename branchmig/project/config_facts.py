"""Facts of the config files beyond locations: the database's URL, secrets, how new files are written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from branchmig.errors import ConfigurationError
from branchmig.project.config import WORDS_FOR_TRUE, ConfigFiles, ConfigReader, Texts, texts_of
from branchmig.project.config_texts import loaded_ini, parsed_ini, parsed_toml, toml_table


@dataclass(frozen=True, slots=True)
class NewFiles:
    """What settings say of new revision files, with alembic's defaults."""

    file_template: str
    longest_slug: int
    timezone: str | None
    encoding: str
    needs_env: bool
    has_hooks: bool
    """Whether post-write hooks may be set: alembic reads them."""


def new_files(files: ConfigFiles, texts: Texts) -> NewFiles:
    """Return what the texts of config files say of new revision files. Raises ConfigurationError."""
    reader = ConfigReader(replace(files, loaded=None), texts)
    reader.refuse_no_number("truncate_slug_length")
    return NewFiles(
        reader.text("file_template") or "%(rev)s_%(slug)s",
        int(reader.text("truncate_slug_length") or 40),
        reader.text("timezone"),
        reader.text("output_encoding") or "utf-8",
        reader.flag("revision_environment", WORDS_FOR_TRUE),
        any(b"post_write_hooks" in (text or b"") for text in (texts.ini, texts.toml)),
    )


def origin_of(files: ConfigFiles, key: str) -> str:
    """Return the name of the file that a key's value comes from."""
    return ConfigReader(files, texts_of(files)).origin(key)


def configured_url(files: ConfigFiles) -> str | None:
    """Return the URL in the config files, or None where they have none, or one that env.py is yet to fill in."""
    try:
        return ConfigReader(files, texts_of(files)).text("sqlalchemy.url")
    except ConfigurationError:
        return None


def settings_for_env(files: ConfigFiles, texts: Texts) -> list[tuple[str, str, str]]:
    """Return what env.py could read of the config files, as section, key and value, sorted.

    Without the database's URL, which a run on a scratch database replaces, without the settings for new files and logs,
    and without branchmig's own.
    """
    ini = parsed_ini(files.ini, texts.ini) if files.loaded is None else loaded_ini(files.loaded, files.ini)
    # `here` is where the project is, which another clone may have elsewhere.
    defaults = {key: value for key, value in ini.defaults().items() if key != "here"}
    found = [("DEFAULT", key, value) for key, value in defaults.items()]
    for name in ini.sections():
        if not _BESIDE_DATABASE.match(name):
            own = [key for key in ini.options(name) if key not in ini.defaults()]
            found += [(name, key, ini.get(name, key, raw=True)) for key in own]
    table = toml_table(parsed_toml(files.toml, texts.toml), "alembic", files.toml)
    found += [("tool.alembic", key, repr(value)) for key, value in table.items()]
    return sorted(item for item in found if item[1] not in _FOR_NEW_FILES)


_BESIDE_DATABASE = re.compile(
    r"(loggers|handlers|formatters)$|(logger|handler|formatter)_|post_write_hooks$|branchmig$"
)


_FOR_NEW_FILES = frozenset(
    {"sqlalchemy.url", "file_template", "truncate_slug_length", "timezone", "output_encoding", "post_write_hooks"}
    | {"revision_environment", "sourceless"}
)


def secret_texts(files: ConfigFiles) -> list[str]:
    """Return the texts of the config files, as far as they can be read: the passwords in them are nobody's to see."""
    texts = []
    for path in (files.ini, files.toml):
        try:
            texts.append(path.read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    if files.loaded is not None:
        sections = files.loaded.file_config
        texts += [value for name in sections.sections() for _, value in sections.items(name, raw=True)]
    return texts
