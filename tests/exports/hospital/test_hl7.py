"""Messages for a laboratory system: parsed and validated by hl7apy, which did not write them."""

from dataclasses import replace
from pathlib import Path

import pytest
from hl7apy.core import Message
from hl7apy.parser import parse_message
from hl7apy.validation import Validator
from tests.exports.fake_report import nine_patients, patient, report
from tests.exports.hospital.test_fhir import NETWORK, STATED, signed

from marrowscope.domain.case.laboratory import Laboratory, Systems
from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.exports.case.codes import all_loinc
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.exports.hospital.hl7 import END, control_id, message, write_hl7

DETAILS = replace(STATED, requester="Dr. Roth & Co", order_number="A-17|x", conclusion="AML^M2\nsecond line")
WHOLE = patient("P|01~ä", blast_share=0.3, cells=300, fields=5, details=DETAILS)


def of(reading: PatientReading, **other: object) -> CohortReport:
    return replace(report([reading]), laboratory=read_laboratory(None), **other)  # type: ignore[arg-type]  # any


def parsed(reading: PatientReading, cohort: CohortReport | None = None) -> Message:
    found = parse_message(message(reading, cohort or of(reading)), find_groups=True)
    assert Validator.validate(found)
    return found


def segments(reading: PatientReading, kind: str) -> list[list[str]]:
    lines = message(reading, of(reading)).split(END)
    return [line.split("|") for line in lines if line.startswith(f"{kind}|")]


@pytest.mark.parametrize("reading", [WHOLE, NETWORK, signed(1), signed(2), *nine_patients().patients])
def test_every_message_is_one_of_its_standard(reading: PatientReading) -> None:
    found = parsed(reading)
    assert found.msh.msh_9.to_er7() == "ORU^R01^ORU_R01"
    assert found.msh.msh_12.to_er7() == "2.5.1"


def test_patient_order_and_specimen_stand_where_they_belong() -> None:
    systems = Systems(authority="HOSPITAL", receiving_application="LIS", receiving_facility="Main")
    laboratory = replace(read_laboratory(None), name="Hematology", systems=systems)
    found = parsed(WHOLE, replace(of(WHOLE), laboratory=laboratory))
    assert found.msh.msh_4.to_er7() == "Hematology"
    assert (found.msh.msh_5.to_er7(), found.msh.msh_6.to_er7()) == ("LIS", "Main")
    result = found.oru_r01_patient_result
    assert result.oru_r01_patient.pid.pid_3.to_er7() == r"P\F\01\R\ä^^^HOSPITAL^PI"
    order = result.oru_r01_order_observation
    assert order.obr.obr_2.to_er7() == r"A-17\F\x"
    assert order.obr.obr_4.obr_4_1.to_er7() == "48807-2"
    assert (order.obr.obr_7.to_er7(), order.obr.obr_14.to_er7()) == ("20260103", "20260104")
    assert order.obr.obr_16.to_er7() == r"^Dr. Roth \T\ Co"
    assert order.oru_r01_specimen.spm.spm_4.to_er7() == "^Bone marrow aspirate"
    notes = [note.nte_3.to_er7() for note in order.nte]
    assert notes[:2] == [r"AML\S\M2", "second line"]


def test_figures_are_those_of_the_report() -> None:
    by_code = {line[3].split("^")[0]: line for line in segments(WHOLE, "OBX")}
    assert float(by_code["38257-2"][5]) == WHOLE.differential.counted
    assert WHOLE.blast_interval is not None
    assert by_code["11150-0"][5] == f"{100 * WHOLE.blast_interval.estimate:.2f}"
    assert by_code["11150-0"][6:9] == ["%^%^UCUM", "0-3", "H"]
    loinc = {line[3].split("^")[0] for line in segments(WHOLE, "OBX") if "^LN" in line[3]}
    assert {"38257-2", "11150-0"} <= loinc <= all_loinc()
    assert any("Auer rods" in line[5] for line in segments(WHOLE, "OBX"))
    own = {line[3].split("^")[0] for line in segments(WHOLE, "OBX") if line[3].endswith("99MSC")}
    assert own
    assert all(len(code) <= 20 for code in own)


@pytest.mark.parametrize(("reading", "status"), [(NETWORK, "P"), (signed(1), "F"), (signed(2), "C")])
def test_the_status_follows_the_signature(reading: PatientReading, status: str) -> None:
    found = parsed(reading)
    order = found.oru_r01_patient_result.oru_r01_order_observation
    assert order.obr.obr_25.to_er7() == status
    assert {line[11] for line in segments(reading, "OBX")} == {status}
    assert (order.obr.obr_32.to_er7() == "&Dr. <Ana> Roth") is (status != "P")


def test_a_version_has_one_control_id_and_an_amended_one_another() -> None:
    ids = [control_id(each, report([each])) for each in (signed(1), signed(1), signed(2))]
    assert ids[0] == ids[1] != ids[2]
    assert len(ids[0]) == 20
    orders = {segments(each, "OBR")[0][3] for each in (signed(1), signed(2))}
    assert len(orders) == 1, "a corrected result replaces that of the same filler order"


def test_a_file_holds_a_message_for_each_patient(tmp_path: Path) -> None:
    write_hl7(nine_patients(), tmp_path / "report.hl7")
    text = (tmp_path / "report.hl7").read_bytes().decode()
    assert text.count("MSH|") == text.count("PID|") == len(nine_patients().patients)
    assert text.endswith(END)
    assert "\n" not in text


def test_a_laboratory_states_its_systems(tmp_path: Path) -> None:
    path = tmp_path / "laboratory.toml"
    path.write_text('name = "Hematology"\n[systems]\npatient = "urn:oid:1.2.3"\nauthority = "H"\n', "utf-8")
    found: Laboratory = read_laboratory(path)
    assert (found.systems.patient, found.systems.authority) == ("urn:oid:1.2.3", "H")
    assert found.systems.order == Systems().order
