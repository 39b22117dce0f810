"""What a host is told of a guest: XML and lines of a configuration, whatever the words in it are."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.engine.world import World
from workers.engine import MigrationError
from workers.guests.kvm.guest import definition
from workers.guests.lxc.guest import safe_config
from workers.specs import InstanceSpec

WORDS = ["br'0", "a'/><b c='", 'a"b', "a & b", "<!--", "]]>", "a\nb", "ü"]


def instance(**changed: str) -> InstanceSpec:
    return replace(World().context().spec.instance, acceleration="tcg", **changed)


@pytest.mark.parametrize("word", WORDS)
def test_a_guests_definition_is_xml_whatever_its_words_are(word: str) -> None:
    made = instance(service=word, base=word, machine_type=word, hardware_address=word)
    domain = ElementTree.fromstring(definition(made, word).replace("@CPU@", ""))
    place = f"/var/lib/mec/instances/{word}"
    found = {path: domain.find(path) for path in ("name", "os/type", "os/kernel", "os/cmdline")}
    assert found["name"].text == word
    assert found["os/type"].attrib["machine"] == word
    assert found["os/kernel"].text == f"/var/lib/mec/layers/kvm/base/{word}/image/vmlinuz"
    assert f"mec.name={word} " in found["os/cmdline"].text
    assert domain.find(".//interface/source").attrib == {"bridge": word}
    assert domain.find(".//interface/mac").attrib == {"address": word}
    assert domain.find(".//disk/source").attrib == {"file": f"{place}/image/disk.qcow2"}
    assert domain.find(".//serial/source").attrib == {"path": f"{place}/console.log"}


@pytest.mark.parametrize("word", ["a\x00b", "a\x0bb", "\ud800", "@CPU@"])
def test_what_xml_cannot_hold_is_no_definition(word: str) -> None:
    with pytest.raises(MigrationError, match="cannot stand in a guest's definition"):
        definition(instance(), word)


@pytest.mark.parametrize("word", ["b\nMEC_END\nx\n", "br\nlxc.hook.start = /x", "a\rb", "a\x00b"])
def test_no_word_adds_a_line_to_a_containers_configuration(word: str) -> None:
    with pytest.raises(MigrationError, match="cannot stand in a container's configuration"):
        safe_config(instance(), word)
