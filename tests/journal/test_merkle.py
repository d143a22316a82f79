"""RFC 6962 trees: the vectors of Certificate Transparency, and proofs that prove what they should."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput
from sauma.journal.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    merkle_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], B, D]),
]
CONSISTENCY = [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[4]]), (2, 5, [B, D])]

leaf_lists = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size):
    """The tree of the first n of eight known leaves has the published root."""
    root = merkle_root(LEAVES[:size])

    assert root.hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_inclusion_proofs_are_those_of_certificate_transparency(index, size, path):
    """Audit paths in the known tree are the published ones, and verify."""
    leaves = [leaf_hash(data) for data in LEAVES[:size]]

    proof = inclusion_proof(leaves, index)

    assert [node.hex() for node in proof] == path
    assert verify_inclusion(
        data=LEAVES[index], index=index, size=size, proof=proof, root=bytes.fromhex(ROOTS[size])
    )


@pytest.mark.parametrize(("old_size", "new_size", "path"), CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(old_size, new_size, path):
    """Consistency proofs in the known tree are the published ones, and verify."""
    proof = consistency_proof([leaf_hash(data) for data in LEAVES[:new_size]], old_size)

    assert [node.hex() for node in proof] == path
    assert verify_consistency(
        old_size=old_size,
        new_size=new_size,
        old_root=bytes.fromhex(ROOTS[old_size]),
        new_root=bytes.fromhex(ROOTS[new_size]),
        proof=proof,
    )


@given(leaf_lists, st.data())
def test_a_proof_proves_one_leaf_at_one_place(data, draw):
    """Each leaf's proof verifies; with another leaf, place, size, root or path it does not."""
    index = draw.draw(st.integers(0, len(data) - 1))
    proof = inclusion_proof([leaf_hash(item) for item in data], index)
    root = merkle_root(data)
    size = len(data)

    assert verify_inclusion(data=data[index], index=index, size=size, proof=proof, root=root)
    assert not verify_inclusion(
        data=data[index] + b"!", index=index, size=size, proof=proof, root=root
    )
    assert not verify_inclusion(
        data=data[index], index=index, size=size, proof=(*proof, root), root=root
    )
    assert not verify_inclusion(data=data[index], index=size, size=size, proof=proof, root=root)
    assert not verify_inclusion(
        data=data[index], index=index, size=size, proof=proof, root=sha256(root).digest()
    )
    if proof:
        assert not verify_inclusion(
            data=data[index], index=index, size=size, proof=proof[:-1], root=root
        )


@given(leaf_lists, st.data())
def test_a_tree_that_only_grew_is_consistent(data, draw):
    """A proof between any two sizes verifies, and not for a tree whose old part was changed."""
    old_size = draw.draw(st.integers(1, len(data)))
    leaves = [leaf_hash(item) for item in data]
    proof = consistency_proof(leaves, old_size)
    old_root, new_root = root_of(leaves[:old_size]), root_of(leaves)
    rewritten = root_of([leaf_hash(b"rewritten"), *leaves[1:old_size]])

    assert verify_consistency(
        old_size=old_size, new_size=len(data), old_root=old_root, new_root=new_root, proof=proof
    )
    assert not verify_consistency(
        old_size=old_size, new_size=len(data), old_root=rewritten, new_root=new_root, proof=proof
    )


@given(st.lists(st.binary(min_size=5, max_size=5), max_size=70))
def test_rows_behind_each_other_have_the_same_leaves(rows):
    """Hashing packed rows gives the leaves that hashing them one by one gives."""
    assert leaf_hashes(b"".join(rows), 5) == [leaf_hash(row) for row in rows]


def test_the_empty_tree_has_a_root_and_no_leaf_to_prove():
    """The root of nothing is SHA-256 of nothing; a proof of a leaf outside the tree is refused."""
    assert root_of([]) == EMPTY_ROOT
    with pytest.raises(InvalidInput, match="row 0 is not within"):
        inclusion_proof([], 0)
    with pytest.raises(InvalidInput, match="old size 2"):
        consistency_proof([EMPTY_ROOT], 2)
    with pytest.raises(InvalidInput, match="not whole rows"):
        leaf_hashes(b"abc", 2)
