"""prepare: from boxes or ready embeddings to rows and splits; what cannot be used is refused by name."""

import json
import shutil
from typing import Any

import numpy as np
import pytest

from methods.detection.matching import paired_iou
from params.block import ParamsError
from params.head_sweep import Embed
from storage.files.inputs import InputError
from storage.heads.embeddings import Card, EmbeddingTable, write_embedding_table
from storage.heads.pictures import write_picture
from tests.tasks.head_sweep.files import CROPS, RANDOM, STATED, DataRun, boxes_json, edit_boxes


def test_every_object_is_a_row_and_background_keeps_off_them(run: DataRun) -> None:
    facts = run.crops()
    table = run.rows
    objects = table[table["label"] != "__bg"]
    assert len(objects) == 200
    assert facts["classes"]["__bg"]
    assert table["id"].is_unique
    for _, part in table.groupby("image"):
        corners = {
            background: rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
            for background, rows in part.groupby(part["label"] == "__bg")
        }
        for square in corners.get(True, np.empty((0, 4))):
            overlap = paired_iou(np.tile(square, (len(corners[False]), 1)), corners[False])
            assert overlap.max() <= 0.015  # the rule is about grown boxes; these are smaller
        assert len(corners.get(True, [])) <= 3


def test_background_is_at_most_its_share_of_the_rows(run: DataRun) -> None:
    few = {**CROPS["background"], "max_share": 0.1}
    facts = run.crops(background=few)
    table = run.rows
    assert (table["label"] == "__bg").mean() <= 0.1
    assert (table["label"] == "__bg").sum() == 22
    assert any("beyond its share" in reason for reason in facts["importer"]["dropped"])
    run.crops(background={**CROPS["background"], "per_image": 0})
    assert not (run.rows["label"] == "__bg").any()


def test_another_image_moves_no_square(run: DataRun) -> None:
    run.crops()
    before = run.rows
    content = boxes_json(run)
    write_picture(run.data / "digits" / "images" / "more.png", np.zeros((132, 132, 3), np.uint8))
    content["images"].append({"id": 999, "file_name": "more.png", "width": 132, "height": 132})
    edit_boxes(run, content)
    run.crops()
    after = run.rows[run.rows["group"] != "more"]
    columns = ["id", "x1", "y1", "x2", "y2"]
    assert before[columns].to_numpy().tolist() == after[columns].to_numpy().tolist()


def test_zero_area_boxes_and_crowds_are_dropped_and_counted(run: DataRun) -> None:
    content = boxes_json(run)
    content["annotations"][0]["bbox"][2] = 0
    content["annotations"][1]["iscrowd"] = 1
    edit_boxes(run, content)
    facts = run.crops()
    assert facts["importer"]["dropped"]["boxes.json: width or height is not above 0"] == 1
    assert facts["importer"]["dropped"]["data: region of a crowd, which is no single object"] == 1
    assert (run.rows["label"] != "__bg").sum() == 198


def as_voc(run: DataRun) -> None:
    """The same boxes as XML files."""
    content, folder = boxes_json(run), run.data / "voc"
    folder.mkdir()
    names = {each["id"]: each["name"] for each in content["categories"]}
    for image in content["images"]:
        objects = "".join(
            f"<object><name>{names[each['category_id']]}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin>"
            f"<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            for each in content["annotations"]
            if each["image_id"] == image["id"]
            for x, y, w, h in [each["bbox"]]
        )
        size = f"<size><width>{image['width']}</width><height>{image['height']}</height></size>"
        text = f"<annotation><filename>{image['file_name']}</filename>{size}{objects}</annotation>"
        (folder / image["file_name"]).with_suffix(".xml").write_text(text)


def as_yolo(run: DataRun) -> None:
    content, folder = boxes_json(run), run.data / "yolo"
    folder.mkdir()
    (run.data / "classes.txt").write_text("".join(f"{each['name']}\n" for each in content["categories"]))
    rows = [f"{image['file_name']},{image['width']},{image['height']}" for image in content["images"]]
    (run.data / "images.csv").write_text("\n".join(["file_name,width,height", *rows]))
    for image in content["images"]:
        lines = [
            f"{each['category_id'] - 1} {(x + w / 2) / 132!r} {(y + h / 2) / 132!r} {w / 132!r} {h / 132!r}\n"
            for each in content["annotations"]
            if each["image_id"] == image["id"]
            for x, y, w, h in [each["bbox"]]
        ]
        (folder / image["file_name"]).with_suffix(".txt").write_text("".join(lines))


def test_coco_voc_and_yolo_give_the_same_rows(run: DataRun) -> None:
    run.crops()
    coco = run.rows
    as_voc(run)
    run.crops(truth={"format": "voc", "folder": "voc", "first_pixel": 0})
    voc = run.rows
    as_yolo(run)
    yolo_truth = {
        "format": "yolo",
        "folder": "yolo",
        "classes": "classes.txt",
        "images": "images.csv",
        "rows": "box",
    }
    run.crops(truth=yolo_truth)
    yolo = run.rows
    for other in (voc, yolo):
        names = ["id", "group", "label", "image", "split"]
        assert coco[names].to_numpy().tolist() == other[names].to_numpy().tolist()
        objects = coco["label"] != "__bg"
        corners = ["x1", "y1", "x2", "y2"]
        assert np.allclose(coco.loc[objects, corners], other.loc[objects, corners])


def test_classes_that_are_not_named_are_refused_or_dropped(run: DataRun) -> None:
    three = ["digit_0", "digit_1", "digit_2"]
    with pytest.raises(InputError, match=r"row \d+, field label: unknown label 'digit_"):
        run.crops(classes=three)
    facts = run.crops(classes=three, unknown="drop")
    assert set(run.rows["label"]) == {*three, "__bg"}
    assert facts["importer"]["dropped"]["data: class that params.yaml does not name"] > 100


def test_an_unknown_category_is_refused(run: DataRun) -> None:
    content = boxes_json(run)
    content["annotations"][3]["category_id"] = 77
    edit_boxes(run, content)
    with pytest.raises(InputError, match="77 is not in the ground truth"):
        run.crops()


def test_a_class_in_one_group_alone_is_refused(run: DataRun) -> None:
    content = boxes_json(run)
    content["categories"].append({"id": 11, "name": "rare"})
    content["annotations"][0]["category_id"] = 11
    content["annotations"][1]["category_id"] = 11
    edit_boxes(run, content)
    with pytest.raises(InputError, match=r"class 'rare': all its 2 row\(s\) are of one group, scene_0001"):
        run.crops()


def test_a_class_without_a_train_row_is_refused(run: DataRun) -> None:
    run.crops()
    outside = run.rows[run.rows["split"] != "train"]["group"].unique()[:2]
    content = boxes_json(run)
    content["categories"].append({"id": 11, "name": "late"})
    for group in outside:
        image = next(each["id"] for each in content["images"] if each["file_name"] == f"{group}.png")
        next(each for each in content["annotations"] if each["image_id"] == image)["category_id"] = 11
    edit_boxes(run, content)
    with pytest.raises(InputError, match=r"class 'late': none of its 2 rows is in train"):
        run.crops()


def test_a_class_that_test_never_sees_is_told(run: DataRun) -> None:
    run.crops()
    train = run.rows[run.rows["split"] == "train"]["group"].unique()[:2]
    content = boxes_json(run)
    content["categories"].append({"id": 11, "name": "early"})
    for group in train:
        image = next(each["id"] for each in content["images"] if each["file_name"] == f"{group}.png")
        next(each for each in content["annotations"] if each["image_id"] == image)["category_id"] = 11
    edit_boxes(run, content)
    warnings = [line for line in run.crops()["warnings"] if "early" in line]
    for part, warning in zip(("validation", "test"), warnings, strict=True):
        assert warning.startswith(f"warning: {part} has no row of ")
        assert "the macro F1 there leaves" in warning


def test_a_class_with_few_rows_to_judge_it_on_is_told(run: DataRun) -> None:
    run.crops()
    first = run.rows[run.rows["split"] == "validation"]["group"].iloc[0]
    train = run.rows[run.rows["split"] == "train"]["group"].iloc[0]
    content = boxes_json(run)
    content["categories"].append({"id": 11, "name": "single"})
    for group in (first, train):
        image = next(each["id"] for each in content["images"] if each["file_name"] == f"{group}.png")
        next(each for each in content["annotations"] if each["image_id"] == image)["category_id"] = 11
    edit_boxes(run, content)
    (told,) = [line for line in run.crops()["warnings"] if "validation has fewer than 5 rows of" in line]
    assert "single (1)" in told


def test_a_class_may_not_take_the_name_of_background(run: DataRun) -> None:
    content = boxes_json(run)
    content["categories"][0]["name"] = "__bg_0"
    edit_boxes(run, content)
    with pytest.raises(InputError, match="names that begin with __bg are for background"):
        run.crops()


def test_missing_broken_and_resized_images_are_named(run: DataRun) -> None:
    path = run.data / "digits" / "images" / "scene_0003.png"
    good = path.read_bytes()
    write_picture(path, np.zeros((100, 132, 3), np.uint8))
    with pytest.raises(
        InputError, match=r"scene_0003.png: is 132 x 100 pixels, its boxes are of an image of 132 x 132"
    ):
        run.crops()
    path.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"scene_0003.png: not an image that can be read"):
        run.crops()
    path.write_bytes(good[: len(good) // 2])
    run.crops()  # the head is whole; embedding reads on
    with pytest.raises(InputError, match=r"scene_0003.png: not an image that can be read"):
        run.embed("pixels", RANDOM)
    path.unlink()
    with pytest.raises(InputError, match=r"there is no image 'scene_0003.png'"):
        run.crops()


def test_a_picture_listed_twice_is_refused_and_copies_are_one_group(run: DataRun) -> None:
    run.crops()
    home = run.rows.drop_duplicates("group").set_index("split")["group"]
    first, other = (f"{home[part].iloc[0]}.png" for part in ("train", "test"))
    images = run.data / "digits" / "images"
    shutil.copy(images / first, images / other)
    facts = run.crops()
    assert facts["importer"]["noted"] == {"images: copy of another one, in one group with it": 1}
    copied_rows = run.rows[run.rows["image"].isin([f"digits/images/{name}" for name in (first, other)])]
    assert copied_rows["group"].nunique() == copied_rows["split"].nunique() == 1
    assert copied_rows["id"].is_unique
    content = boxes_json(run)
    content["images"].append({**content["images"][0], "id": 999, "file_name": "scene_0001"})
    edit_boxes(run, content)
    with pytest.raises(InputError, match=r"'scene_0001.png' is the picture of 2 listed images"):
        run.crops()


def test_too_few_groups_are_refused(run: DataRun) -> None:
    content = boxes_json(run)
    content["images"] = content["images"][:2]
    content["annotations"] = [each for each in content["annotations"] if each["image_id"] <= 2]
    edit_boxes(run, content)
    with pytest.raises(InputError, match="too few to set some aside for"):
        run.crops(classes="all")


# --- prepare: ready embeddings ----------------------------------------------------------------------------------


def pair(run: DataRun, name: str = "narrow") -> dict[str, Any]:
    side: dict[str, Any] = json.loads((run.data / "simulated" / f"{name}.json").read_text())
    return side


def ready(run: DataRun, side: dict[str, Any], name: str = "narrow", **changes: Any) -> dict[str, Any]:
    (run.data / "simulated" / f"{name}.json").write_text(json.dumps(side))
    return run.prepare(datasets={"simulated": {**STATED["prepare"]["datasets"]["simulated"], **changes}})


def test_rows_may_stand_in_another_order(run: DataRun) -> None:
    run.prepare()
    before = run.embed("wide", STATED["embed"]["encoders"]["wide"])
    side = pair(run, "wide")
    order = np.random.default_rng(0).permutation(len(side["ids"]))
    columns = {name: [side[name][row] for row in order] for name in ("ids", "groups", "labels")}
    path = run.data / "simulated" / "wide.safetensors"
    card = Card("m", "none", "none", {})
    values = np.take(before.values, order, axis=0)
    write_embedding_table(
        path, EmbeddingTable(columns["ids"], columns["groups"], columns["labels"], values, card)
    )
    run.prepare()
    after = run.embed("wide", STATED["embed"]["encoders"]["wide"])
    assert after.ids == before.ids
    assert np.array_equal(after.values, before.values)
    assert after.labels == before.labels


def test_encoders_with_other_rows_are_refused(run: DataRun) -> None:
    side = pair(run)
    side["groups"][5] = "image_0000"
    side["groups"][6] = "image_0000"
    with pytest.raises(
        InputError, match=r"wide.json, field ids: \d row\(s\) differ from those of simulated/narrow"
    ):
        ready(run, side)


def test_labels_of_ready_rows_have_to_be_known(run: DataRun) -> None:
    with pytest.raises(InputError, match=r"narrow.json, row \d+, field label: unknown label 'class_"):
        ready(run, pair(run), classes=["class_00", "class_01"])
    side = pair(run)
    side["labels"] = ["__bg_3" if label == "__bg" else label for label in side["labels"]]
    with pytest.raises(InputError, match="label '__bg_3': names that begin with __bg are for background"):
        ready(run, side, files=["simulated/narrow.safetensors"])


def test_bad_values_are_refused_by_row(run: DataRun) -> None:
    run.prepare()
    side = pair(run)
    values = np.ones((len(side["ids"]), 3), np.float32)
    path = run.data / "simulated" / "narrow.safetensors"
    labelled = EmbeddingTable(
        side["ids"], side["groups"], side["labels"], values, Card("m", "none", "none", {})
    )
    write_embedding_table(path, labelled)
    with pytest.raises(InputError, match="1 different background rows in train are too few for 5"):
        run.embed("narrow", STATED["embed"]["encoders"]["narrow"])
    side = {**pair(run), "dimension": 4}
    path.with_suffix(".json").write_text(json.dumps(side))
    with pytest.raises(InputError, match="the sidecar says 4, the tensor has 3 columns"):
        run.embed("narrow", STATED["embed"]["encoders"]["narrow"])


def test_an_encoder_counts_once(run: DataRun) -> None:
    with pytest.raises(ParamsError, match="files names an encoder twice"):
        ready(run, pair(run), files=["simulated/narrow.safetensors"] * 2)
    with pytest.raises(ParamsError, match="encoders a and b are the same"):
        run.block(Embed, "embed", {"encoders": {"a": RANDOM, "b": RANDOM}})


def npz(run: DataRun, **changes: Any) -> dict[str, Any]:
    """`pair` as npz of two encoders, the second in another order; changes to the first."""
    side = pair(run)
    random = np.random.default_rng(0)
    values = random.normal(size=(len(side["ids"]), 8)).astype(np.float32)
    arrays = {"embeddings": values, **{name: np.array(side[name]) for name in ("ids", "groups", "labels")}}
    order = random.permutation(len(values))
    np.savez(run.data / "a.npz", **{**arrays, **changes})
    np.savez(run.data / "b.npz", **{name: each[order] for name, each in {**arrays, **changes}.items()})
    stated = STATED["prepare"]["datasets"]["simulated"]
    return run.prepare(datasets={"ours": {**stated, "files": ["a.npz", "b.npz"]}})["ours"]  # type: ignore[no-any-return]


def test_encoders_in_another_order_are_aligned_by_id_and_that_is_said(run: DataRun) -> None:
    noted = npz(run)["importer"]["noted"]
    assert list(noted) == ["b.npz: row in another order than in a.npz, aligned by its id"]
    seen = [run.embed(name, {"kind": "given", "dataset": "ours", "file": f"{name}.npz"}) for name in "ab"]
    assert seen[0].ids == seen[1].ids
    assert np.array_equal(seen[0].values, seen[1].values)


def test_copies_of_a_row_are_one_group_and_copies_with_two_labels_are_refused(run: DataRun) -> None:
    side = pair(run)
    values = np.random.default_rng(0).normal(size=(len(side["ids"]), 8)).astype(np.float32)
    labels, groups = np.array(side["labels"]), np.array(side["groups"])
    same = np.flatnonzero(labels == labels[0])
    other = int(same[groups[same] != groups[0]][0])
    values[other] = values[0]
    facts = npz(run, embeddings=values)
    assert facts["importer"]["noted"]["a.npz: copy of another one, in one group with it"] == 1
    rows = run.rows.set_index("id")
    assert rows.loc[side["ids"][other], "group"] == rows.loc[side["ids"][0], "group"]
    values[int(np.flatnonzero(labels != labels[0])[0])] = values[0]
    with pytest.raises(
        InputError, match=r"a.npz, row \d+, field label: .* is a copy of row 1, .* but its label is"
    ):
        npz(run, embeddings=values)


def test_rows_without_groups_are_said_to_be_their_own(run: DataRun) -> None:
    noted = npz(run, groups=np.array(pair(run)["ids"]))["importer"]["noted"]
    assert noted["a.npz: row without a group, each is one of its own"] == 1200


def test_classes_that_cannot_be_learnt_are_named_at_once_or_dropped_and_counted(run: DataRun) -> None:
    side = pair(run)
    labels = np.array(side["labels"], object)
    labels[:5] = [f"lonely {number}" for number in range(5)]
    with pytest.raises(
        InputError, match=r"class 'lonely 0': all its 1 row.*'lonely 2': .* \(5 such class\(es\)\)"
    ):
        npz(run, labels=labels.astype(str))
    stated = STATED["prepare"]["datasets"]["simulated"]
    facts = run.prepare(datasets={"ours": {**stated, "files": ["a.npz"]}}, unlearnable="drop")["ours"]
    assert facts["importer"]["dropped"] == {"a.npz: row of a class with one group alone or no train row": 5}
    assert len(run.rows) == 1195
    assert len(run.embed("a", {"kind": "given", "dataset": "ours", "file": "a.npz"}).ids) == 1195
