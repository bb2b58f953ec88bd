"""The files that a model server starts with: read as the server reads them, by protobuf."""

import pathlib

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from export import server_files

INTEGERS = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches")
INTEGERS += ("num_batch_threads", "max_execution_batch_size")


def batching_parameters():
    """Returns the server's message, which no package has; the numbers of the fields are ours."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="BatchingParameters")
    field = descriptor_pb2.FieldDescriptorProto
    types = {**dict.fromkeys(INTEGERS, "Int64Value"), "enable_large_batch_splitting": "BoolValue"}
    for number, (name, kind) in enumerate(types.items(), 1):
        message.field.add(
            name=name,
            number=number,
            type=field.TYPE_MESSAGE,
            label=field.LABEL_OPTIONAL,
            type_name=f".google.protobuf.{kind}",
        )
    message.field.add(
        name="allowed_batch_sizes",
        number=len(types) + 1,
        type=field.TYPE_INT64,
        label=field.LABEL_REPEATED,
    )
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))()


def written(directory):
    directory.mkdir(parents=True)
    server_files.write(directory)
    assert {p.name for p in directory.iterdir()} == {"models.config", "batching.config"}
    text = (directory / "models.config").read_text(encoding="utf-8")
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig())


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("digits", "digits"),
        ("digits-v2.1", "digits-v2.1"),
        ("my 'best' \"digits\"", "my_best_digits"),
        ("Ziffern für $1\\2", "Ziffern_f_r_1_2"),
        ("zahlen/…", "model"),
    ],
)
def test_the_server_finds_the_folder_under_a_name_that_a_url_takes(tmp_path, folder, name):
    (model,) = written(tmp_path / folder).model_config_list.config
    assert (model.name, model.model_platform) == (name, "tensorflow")
    assert pathlib.Path(model.base_path) == tmp_path / folder
    assert server_files.model_name(tmp_path / folder) == name


def test_the_path_is_absolute_wherever_the_export_ran(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (model,) = written(pathlib.Path("served", "..", "here")).model_config_list.config
    assert model.base_path == str(tmp_path / "here")


def test_batching_takes_large_requests_and_can_queue_one(tmp_path):
    written(tmp_path / "digits")
    text = (tmp_path / "digits" / "batching.config").read_text(encoding="utf-8")
    batching = text_format.Parse(text, batching_parameters())
    assert batching.enable_large_batch_splitting.value
    most, batch = batching.max_batch_size.value, batching.max_execution_batch_size.value
    assert 1 <= batch <= most <= batch * batching.max_enqueued_batches.value
    assert 0 < batching.batch_timeout_micros.value < 100_000
    # A list of sizes would have to end in `max_batch_size`, and threads are the server's to count.
    assert not batching.allowed_batch_sizes
    assert not batching.HasField("num_batch_threads")


def test_files_that_are_there_are_left_alone_and_told(tmp_path):
    own = tmp_path / "models.config"
    own.write_text("model_config_list {}\n")
    server_files.write(tmp_path)
    assert own.read_text() == "model_config_list {}\n"
    assert server_files.kept(tmp_path) == [own]
    server_files.write(tmp_path)
    assert server_files.kept(tmp_path) == [own]


def test_a_folder_that_was_moved_keeps_the_file_with_its_old_path(tmp_path):
    written(tmp_path / "old")
    assert server_files.kept(tmp_path / "old") == []
    (tmp_path / "old").rename(tmp_path / "new")
    server_files.write(tmp_path / "new")
    assert server_files.kept(tmp_path / "new") == [tmp_path / "new" / "models.config"]


def test_the_command_names_the_files(tmp_path):
    written(tmp_path / "digits")
    program, *flags = server_files.command(tmp_path / "digits")
    assert program == "tensorflow_model_server"
    values = dict(flag.removeprefix("--").partition("=")[::2] for flag in flags)
    assert values.keys() == {
        "port",
        "rest_api_port",
        "model_config_file",
        "enable_batching",
        "batching_parameters_file",
    }
    for flag in ("model_config_file", "batching_parameters_file"):
        assert pathlib.Path(values[flag]).is_file()
