"""Systems that learn action units, episodes or many moments of a clip: what each of their parts computes."""

from __future__ import annotations

import pytest
import torch

from fleeting.errors import OptionError
from fleeting.models import build
from fleeting.models.au_gcn import P3D, UNITS, Pseudo3D, halved
from fleeting.models.me_plan import Convolution
from fleeting.models.ra_icl import mirrored
from fleeting.training.objective import refuse_objective
from fleeting.training.options import Training


def au_gcn(fields=3):
    given = {"layers": 1, "edges": 1, "heads": 2, "width": 8, "depth": 4, "depths": (1, 1)}
    return build("au-gcn", 3, ((2 * fields, 32, 32),), given, seed=0).eval()


def test_au_gcns_edges_follow_from_the_units_of_the_clip_itself():
    model = au_gcn()
    fields = torch.randn(2, 6, 32, 32)
    given = []
    model.edges.register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    _, units = model.with_units(fields)
    (drawn,) = given
    torch.testing.assert_close(drawn, torch.diag_embed(units))
    before = model(fields)
    with torch.no_grad():
        model.named.full.bias += torch.arange(UNITS) / 3.0
    assert not torch.allclose(before, model(fields))


def test_au_gcn_has_as_many_units_as_the_recipe_has_to_name():
    refuse_objective(au_gcn(), 3, Training(units=tuple(range(1, UNITS + 1))))
    with pytest.raises(OptionError, match="2 action units, the model has 9"):
        refuse_objective(au_gcn(), 3, Training(units=(4, 12)))


@pytest.mark.parametrize("kind", ["after", "beside", "both", "flat"])
def test_a_field_hears_its_neighbours_unless_the_block_is_flat(kind):
    block = Pseudo3D(8, 4, 2, kind).eval()
    fields = torch.randn(1, 5, 8, 6, 6)
    other = fields.clone()
    other[:, 4] += 1
    same = [torch.equal(*pair) for pair in zip(block(fields)[0], block(other)[0], strict=True)]
    assert same == [True, True, True, kind == "flat", False]


def test_time_is_halved_and_the_odd_field_stays():
    fields = torch.arange(5.0)[None, :, None, None, None].expand(2, 5, 3, 4, 4)
    assert halved(fields)[0, :, 0, 0, 0].tolist() == [1, 3, 4]
    assert halved(fields).shape == (2, 3, 3, 4, 4)


def test_the_whole_p3d_has_63_layers():
    with torch.device("meta"):
        network = P3D(64, (3, 4, 6, 3))
    spatial = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    over_time = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv1d)]
    shortcuts = 4
    assert len(spatial) - shortcuts + len(over_time) + 1 == 63


def ra_icl():
    return build("ra-icl", 3, ((3, 64, 64),), {"width": 4}, seed=0)


def test_a_mirror_shows_left_as_right_and_turns_u():
    flow = torch.arange(24.0).reshape(1, 3, 2, 4)
    seen = mirrored(flow)
    torch.testing.assert_close(seen[0, 0], -flow[0, 0].flip(1))
    torch.testing.assert_close(seen[0, 1:], flow[0, 1:].flip(2))
    torch.testing.assert_close(mirrored(seen), flow)


def test_the_slow_copy_follows_by_a_hundredth_and_learns_nothing_itself():
    model = ra_icl()
    pair = model.objective().train()
    before = [weight.clone() for weight in pair.slow.parameters()]
    with torch.no_grad():
        for weight in model.stages.parameters():
            weight += 1
    logits, loss = pair([torch.randn(6, 3, 64, 64)], torch.arange(6) % 3, torch.nn.functional.cross_entropy)
    loss.backward()
    moved = [float((new - old).mean()) for new, old in zip(pair.slow.parameters(), before, strict=True)]
    count = len(list(model.stages.parameters()))
    assert moved[:count] == pytest.approx([0.01] * count, abs=1e-5)
    assert moved[count:] == pytest.approx([0] * (len(moved) - count), abs=1e-5)
    assert all(weight.grad is None for weight in pair.slow.parameters())
    assert all(weight.grad is not None for weight in [*model.parameters(), *pair.predict.parameters()])
    assert logits.shape == (6, 3)


def test_the_pairs_loss_is_the_recipes_and_half_of_three_others():
    pair = ra_icl().objective().eval()
    flow, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 0])
    _, whole = pair([flow], labels, lambda logits, _: logits.new_zeros(()))
    _, more = pair([flow], labels, lambda logits, labels: logits.new_tensor(float(len(labels))))
    assert float((more - whole).detach()) == pytest.approx(8)  # a flow and its mirror image
    symmetric = flow + mirrored(flow)
    pair.slow = torch.nn.ModuleList([pair.model.stages, pair.project])
    pair.predict = torch.nn.Identity()
    features, places, _ = pair.model.parts(symmetric)
    _, left = pair([symmetric], labels, lambda logits, _: logits.new_zeros(()))
    one = torch.einsum("bchw,bc->bhw", features, pair.model.head.weight[labels]).relu()
    one = one / one.amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
    of_places = torch.nn.functional.cross_entropy(places, labels[:, None, None].expand(4, *places.shape[2:]))
    apart = (one - one.flip(2)).square().mean()
    assert float(left.detach()) == pytest.approx(0.5 * float((apart + of_places).detach()), abs=1e-5)


def me_plan(**more):
    return build("me-plan", 3, ((4, 32, 32),), {"width": 4, "blocks": 1, **more}, seed=0).eval()


def test_a_kept_3d_filter_is_the_one_of_torch():
    ours, torchs = Convolution(2, 3, 2), torch.nn.Conv3d(2, 3, 3, stride=2, padding=1, bias=False)
    with torch.no_grad():
        torchs.weight.copy_(ours.weight.unflatten(1, (2, 3)))
    clip = torch.randn(1, 2, 5, 6, 6)
    torch.testing.assert_close(ours.eval()(clip), torchs(clip) / (1 + 1e-5) ** 0.5)


def test_me_plans_attention_weighs_a_place_in_all_frames_alike():
    model = me_plan()
    clip = torch.randn(2, 16, 3, 5, 5)
    shares = model.attention(clip) / clip
    torch.testing.assert_close(shares, shares[:, :1, :1].expand_as(shares), rtol=1e-3, atol=1e-4)
    with pytest.raises(OptionError, match="4 channels of 3 colours"):
        me_plan(colours=3)
