"""The test PKI: the same bytes everywhere, right by OpenSSL's and cryptography's judgement, cheap until needed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from attestation_oracles import AAGUID as DEVICE
from attestation_oracles import profile
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from authenticator.attestation import certificates, der, pki, tpm
from authenticator.cose import Algorithm, generate_private_key
from authenticator.profiles.loader import load_profile

ROOT_SHA256 = "daba74942d7dd60b8701067112bd07701f7c3fe8267674e5a3d2364ee6c32f12"
"""Relying parties may have pinned the root: a change of it is a change users see."""


def load(certificate: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate)


def test_root_never_changes() -> None:
    assert hashlib.sha256(pki.root().certificate).hexdigest() == ROOT_SHA256


def test_chains_are_the_same_in_every_process() -> None:
    script = """if True:
        import hashlib
        from attestation_oracles import profile
        from authenticator.attestation import certificates, tpm
        device = profile("packed")
        chains = (
            certificates.batch_attester(device).x5c,
            certificates.enterprise_attester(device, 12345678).x5c,
            certificates.u2f_attester(device).x5c,
            tpm.attestation_identity_key(device).x5c,
        )
        print(hashlib.sha256(b"".join(b"".join(chain) for chain in chains)).hexdigest())
    """
    path = [*sys.path]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path = {path!r}\n{script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    device = profile("packed")
    chains = (
        certificates.batch_attester(device).x5c,
        certificates.enterprise_attester(device, 12345678).x5c,
        certificates.u2f_attester(device).x5c,
        tpm.attestation_identity_key(device).x5c,
    )
    here = hashlib.sha256(b"".join(b"".join(chain) for chain in chains)).hexdigest()
    assert run.stdout.strip() == here


def test_root_says_what_it_is() -> None:
    root = load(pki.root().certificate)
    assert root.subject == root.issuer
    assert root.subject.rfc4514_string() == r"CN=stuntkey TEST ROOT\, never trust it"
    root.verify_directly_issued_by(root)


def test_batch_certificate() -> None:
    device = profile("packed", batch_common_name="Some Key", organization="Some Vendor", country="CH")
    leaf, issuer = map(load, certificates.batch_attester(device).x5c)
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(load(pki.root().certificate))
    assert leaf.version is x509.Version.v3
    assert leaf.subject.rfc4514_string() == "CN=Some Key,OU=Authenticator Attestation,O=Some Vendor,C=CH"
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    aaguid = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(certificates.AAGUID))
    assert not aaguid.critical
    assert isinstance(aaguid.value, x509.UnrecognizedExtension)
    assert aaguid.value.value == b"\x04\x10" + DEVICE
    above = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (above.ca, above.path_length) == (True, 0)
    assert leaf.not_valid_before_utc < datetime(2016, 1, 1, tzinfo=UTC)
    assert leaf.not_valid_after_utc > datetime(2090, 1, 1, tzinfo=UTC)


def test_devices_differ_by_aaguid_batch_and_vendor() -> None:
    device = profile("packed")
    others = (
        replace(device, aaguid=bytes(15) + b"\x01"),
        profile("packed", batch_common_name="another batch"),
        profile("packed", organization="another vendor"),
    )
    seen = [certificates.batch_attester(each) for each in (device, *others)]
    assert len({each.x5c[0] for each in seen}) == 4
    assert len({each.key.to_bytes() for each in seen}) == 4
    assert len({each.x5c[1] for each in seen}) == 2


def test_long_names_are_cut_to_what_a_certificate_holds() -> None:
    device = profile("packed", batch_common_name="n" * 64, organization="o" * 64)
    for chain in (
        certificates.batch_attester(device).x5c,
        certificates.enterprise_attester(device, 12345678).x5c,
        certificates.u2f_attester(device).x5c,
    ):
        for certificate in map(load, chain):
            for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
                assert len(attribute.value) <= 64
    enterprise = load(certificates.enterprise_attester(device, 12345678).x5c[0])
    assert enterprise.subject.rfc4514_string().startswith("CN=nnn")
    assert "Serial 12345678" in enterprise.subject.rfc4514_string()


def test_chain_by_cryptographys_path_validation() -> None:
    """An authority with an ordinary web certificate below it, as the strictest of validators wants it."""
    authority = pki.intermediate("stuntkey TEST web authority")
    public_key = pki.subject_public_key_info(pki.derived_key("web server"))
    template = pki.Template(
        issuer=authority.subject,
        subject=pki.name((pki.COMMON_NAME, "server.test")),
        public_key=public_key,
        serial=pki.derived_serial("web server"),
        extensions=(
            pki.basic_constraints(ca=False),
            pki.authority_key_identifier(authority),
            pki.Extension(
                oid=pki.SUBJECT_ALTERNATIVE_NAME,
                value=der.sequence(der.context(2, b"server.test", constructed=False)),
            ),
        ),
    )
    verifier = (
        PolicyBuilder()
        .store(Store([load(pki.root().certificate)]))
        .time(datetime(2030, 1, 1))
        .build_server_verifier(x509.DNSName("server.test"))
    )
    with pytest.raises(VerificationError):
        verifier.verify(load(pki.issue(template, pki.root().key)), [load(authority.certificate)])
    chain = verifier.verify(load(pki.issue(template, authority.key)), [load(authority.certificate)])
    assert len(chain) == 3


@pytest.mark.parametrize(
    "algorithm", [Algorithm.ES256, Algorithm.ES384, Algorithm.ES512, Algorithm.RS256, Algorithm.EDDSA]
)
def test_every_algorithm_that_may_sign_certificates(algorithm: Algorithm) -> None:
    authority = pki.intermediate(f"stuntkey TEST {algorithm.name}", algorithm)
    template = pki.intermediate_template("below", pki.subject_public_key_info(pki.derived_key("below")))
    template = replace(template, issuer=authority.subject)
    load(pki.issue(template, authority.key)).verify_directly_issued_by(load(authority.certificate))


def test_version_1() -> None:
    device = profile("packed")
    template = replace(certificates.batch_template(device), version=1, extensions=())
    made = load(pki.issue(template, certificates.vendor_authority(device).key))
    assert made.version is x509.Version.v1


def test_extensions_can_be_replaced_added_and_left_out() -> None:
    template = certificates.batch_template(profile("packed"))
    oids = [each.oid for each in template.extensions]
    replaced = pki.with_extension(template, pki.basic_constraints(ca=True))
    assert [each.oid for each in replaced.extensions] == oids
    added = pki.with_extension(template, pki.key_usage(0))
    assert [each.oid for each in added.extensions] == [*oids, pki.KEY_USAGE]
    assert certificates.AAGUID not in [
        each.oid for each in pki.without_extension(template, certificates.AAGUID).extensions
    ]


def test_key_identifiers() -> None:
    for algorithm in (Algorithm.ES256, Algorithm.ES384, Algorithm.RS256, Algorithm.ED25519):
        key = pki.derived_key("identified", algorithm)
        expected = x509.SubjectKeyIdentifier.from_public_key(key.handle.public_key()).digest
        assert pki.key_identifier(pki.subject_public_key_info(key)) == expected


def test_nothing_is_made_before_it_is_needed() -> None:
    script = (
        "from authenticator.authenticator import Authenticator\n"
        "from authenticator.environment import Environment\n"
        "from authenticator.store import MemoryStore\n"
        "from authenticator.profiles.loader import load_profile\n"
        "from authenticator.attestation import certificates, pki\n"
        "Authenticator(Environment(profile=load_profile(), store=MemoryStore()))\n"
        "print(pki.derived_key.cache_info().currsize, pki.root.cache_info().currsize)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "0"]


class TestDer:
    def test_times(self) -> None:
        assert der.time(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)) == b"\x17\x0d491231235959Z"
        assert der.time(datetime(2050, 1, 1, tzinfo=UTC)) == b"\x18\x0f20500101000000Z"
        assert der.time(datetime(1949, 1, 1, tzinfo=UTC)) == b"\x18\x0f19490101000000Z"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (0, "020100"),
            (127, "02017f"),
            (128, "02020080"),
            (256, "02020100"),
        ],
    )
    def test_integers(self, value: int, expected: str) -> None:
        assert der.integer(value).hex() == expected

    @pytest.mark.parametrize(
        ("size", "head"), [(0x7F, "047f"), (0x80, "048180"), (0xFF, "0481ff"), (0x100, "04820100")]
    )
    def test_lengths(self, size: int, head: str) -> None:
        assert der.octet_string(bytes(size)).hex().startswith(head)
        assert list(der.children(der.octet_string(bytes(size)))) == [(4, bytes(size))]

    def test_object_identifiers(self) -> None:
        assert der.oid("1.3.6.1.4.1.11129.2.1.17").hex() == "060a2b06010401d679020111"
        assert der.oid("2.23.133.8.3").hex() == "060567810508" + "03"

    def test_high_tags(self) -> None:
        assert der.context(704, der.null()).hex() == "bf85400" + "2" + "0500"
        assert der.context(30, der.null()).hex() == "be020500"
        assert der.context(31, der.null()).hex() == "bf1f020500"

    def test_named_bits(self) -> None:
        assert der.named_bits(0).hex() == "03020780"
        assert der.named_bits(5, 6).hex() == "03020106"
        assert der.named_bits(8).hex() == "0303070080"

    def test_sets_are_sorted(self) -> None:
        assert der.set_of(der.integer(2), der.integer(1)) == der.set_of(der.integer(1), der.integer(2))


def test_rsa_keys_that_were_found_are_those_that_are_searched_for() -> None:
    found = pki.found_rsa_keys()
    assert f"AIK {load_profile('windows-hello').aaguid.hex()}" in found
    label = "SafetyNet"
    searched = generate_private_key(Algorithm.RS256, pki._Derived(label))
    for algorithm in (Algorithm.RS256, Algorithm.PS256):
        assert pki.derived_key(label, algorithm).to_bytes() == searched.to_bytes()


@pytest.mark.heavy
@pytest.mark.parametrize("label", pki.found_rsa_keys())
def test_each_rsa_key_is_the_one_of_its_label(label: str) -> None:
    searched = generate_private_key(Algorithm.RS256, pki._Derived(label))
    assert pki.derived_key(label, Algorithm.RS256).to_bytes() == searched.to_bytes()
