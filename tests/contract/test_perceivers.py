"""Every perceiver keeps the same contract, whatever reads the messages: shipped models, a local one, or an endpoint."""

from __future__ import annotations

import importlib.util
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from consumer_fusion.errors import FusionError, InputError, SettingsError
from consumer_fusion.perception.intents import train_intents
from consumer_fusion.perception.learnt_perceiver import LearntPerceiver
from consumer_fusion.perception.perceiver_choice import load_base_perceiver
from consumer_fusion.perception.shipped_perceiver import load_perceiver
from consumer_fusion.perception.staff_learning import measure_messages
from consumer_fusion.records.perception import ASPECTS, PARTIES, POLARITIES, UNKNOWN_LANGUAGE, ConsumerMessage
from consumer_fusion.settings import Settings

TEXTS = (
    "You charged me twice, and the waiter laughed at me.",
    "Il maglione è bellissimo, grazie!",
    "What time do you open on Sunday?",
    "",
    " \n\t ",
    "👍👍",
    "ﷺ \u202e\u0000 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \ud7ff",
    "no " * 3_000,
    "Write to anna@example.org about IBAN IT60X0542811101000000123456",
)
ANSWER = {
    "language": "en", "polarity": {"negative": 0.8, "neutral": 0.1, "positive": 0.1}, "irony": 0.1, "harshness": 0.4,
    "repair": 0.0, "failure": 0.9, "dissatisfaction": 0.8,
    "aspects": [{"aspect": "billing", "polarity": "negative", "probability": 0.9, "quote": "charged me twice"}],
    "blame": [{"party": "front", "probability": 0.7, "quote": "the waiter"}],
    "responsible": [{"party": "technology", "probability": 0.6}],
}  # fmt: skip


@contextmanager
def serve(reply):
    """An endpoint whose answer to a request is made by a function: status and body."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, self.headers.get("authorization"), body))
            status, content = reply(body)
            payload = content.encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def answer(content):
    """The reply of a chat completion."""
    return 200, json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]})


def make_onnx_folder(folder):
    """A tiny classifier that calls messages more negative the more often they say no: real files in the usual form."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra `dev`)")
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra `onnx`)")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `onnx`)")
    folder.mkdir()
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "no": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"0": "NEGATIVE", "1": "neutral", "2": "positive"}
    (folder / "config.json").write_text(json.dumps({"id2label": names}), encoding="utf-8")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    weights = numpy_helper.from_array(np.array([[1.0, 0.0, -1.0]], np.float32), "weights")
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["input_ids"], ["ids"], to=onnx.TensorProto.FLOAT),
            helper.make_node("ReduceSumSquare", ["ids"], ["count"], axes=[1], keepdims=1),
            helper.make_node("MatMul", ["count", "weights"], ["logits"]),
        ],
        "tiny",
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    return folder


def make_transformers_folder(folder):
    """A tiny random BERT with the usual files."""
    pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "no", "you"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        id2label={0: "negative", 1: "neutral", 2: "positive"}, label2id={"negative": 0, "neutral": 1, "positive": 2},
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def make_learnt():
    base = load_perceiver()
    size = measure_messages(["a"], base.perceive([ConsumerMessage("You charged me twice.")])).shape[1]
    weights = np.zeros((size, 3), np.float32)
    weights[:3] = np.eye(3)
    corrections = {"polarity.weights": weights, "polarity.biases": np.array([0.5, 0.0, 0.0], np.float32)}
    texts = [f"{words} {number}" for number in range(8) for words in ("Where is my parcel", "I lost my card")]
    intents = train_intents(texts, ["parcel", "card"] * 8).model
    return LearntPerceiver(base, corrections, intents, f"{base.id}+staff@1+intents@2")


@pytest.fixture(
    params=["ngrams", "default", "onnx", "transformers", "learnt", "endpoint", "endpoint that fails"]
)
def perceiver(request, tmp_path):
    match request.param:
        case "ngrams":
            yield load_base_perceiver(Settings(perceiver="ngrams"))
        case "default":
            yield load_base_perceiver(Settings())
        case "onnx":
            yield load_base_perceiver(Settings(perceiver=f"onnx:{make_onnx_folder(tmp_path / 'model')}"))
        case "transformers":
            folder = make_transformers_folder(tmp_path / "model")
            yield load_base_perceiver(Settings(perceiver=f"transformers:{folder}"))
        case "learnt":
            yield make_learnt()
        case "endpoint":
            with serve(lambda _: answer(json.dumps(ANSWER))) as (url, _):
                yield load_base_perceiver(Settings(perceiver=f"endpoint:{url}#tiny"))
        case _:
            with serve(lambda _: (500, "{}")) as (url, _):
                yield load_base_perceiver(Settings(perceiver=f"endpoint:{url}#tiny"))


def test_a_perceiver_gives_one_whole_perception_for_each_message(perceiver):
    batch = [ConsumerMessage(text) for text in TEXTS]
    found = perceiver.perceive(batch)
    assert len(found) == len(batch)
    for text, each in zip(TEXTS, found, strict=True):
        assert each.language == UNKNOWN_LANGUAGE or len(each.language) in (2, 3)
        assert each.model
        if each.polarity:
            assert set(each.polarity) == set(POLARITIES)
            assert sum(each.polarity.values()) == pytest.approx(1, abs=2e-3)
        else:
            assert each.abstained
        for value in (
            each.irony,
            each.dissatisfaction,
            each.failure,
            each.severity,
            each.harshness,
            each.repair,
        ):
            assert value is None or 0 <= value <= 1
        for said in each.aspects:
            assert said.aspect in ASPECTS
            assert 0 <= said.span.start <= said.span.end <= len(text)
        for party in (*each.blame, *each.responsible):
            assert party.party in PARTIES
            assert 0 <= party.probability <= 1


def test_a_perceiver_says_the_same_again_and_alone(perceiver):
    batch = [ConsumerMessage(text) for text in TEXTS[:3]]
    together = perceiver.perceive(batch)
    assert perceiver.perceive(batch) == together
    for message, before in zip(batch, together, strict=True):
        (alone,) = perceiver.perceive([message])
        assert alone.polarity == pytest.approx(before.polarity, abs=2e-3)
        assert alone.model == before.model


def test_a_perceiver_reads_nothing_from_nothing(perceiver):
    assert list(perceiver.perceive([])) == []
    assert perceiver.id
    assert "en" in perceiver.languages


def test_an_endpoint_gets_no_contact_details_and_its_quotes_find_their_place(monkeypatch):
    monkeypatch.setenv("CONSUMER_FUSION_PERCEIVER_KEY", "zq-key")
    with serve(lambda _: answer(json.dumps(ANSWER))) as (url, asked):
        perceiver = load_base_perceiver(Settings(perceiver=f"endpoint:{url}#tiny"))
        text = f"{TEXTS[0]} {TEXTS[-1]}"
        (found,) = perceiver.perceive([ConsumerMessage(text)])
        ((path, key, body),) = asked
    assert path == "/v1/chat/completions"
    assert key == "Bearer zq-key"
    assert body["response_format"]["json_schema"]["strict"] is True
    assert "anna@example.org" not in json.dumps(body)
    assert "IT60" not in json.dumps(body)
    assert found.model == perceiver.id
    assert "zq-key" not in perceiver.id
    said = found.aspects[0]
    assert text[said.span.start : said.span.end] == "charged me twice"


@pytest.mark.parametrize(
    "reply",
    [
        (500, "{}"), (200, "no JSON"), (200, "{}"), answer("no JSON"), answer(json.dumps({**ANSWER, "irony": 7})),
        answer(json.dumps({**ANSWER, "more": 1})), answer(json.dumps({**ANSWER, "polarity": {}})),
        answer(json.dumps({**ANSWER, "polarity": {"negative": 0, "neutral": 0, "positive": 0}})),
    ],
)  # fmt: skip
def test_an_endpoint_that_fails_leaves_the_message_to_the_shipped_model(reply):
    with serve(lambda _: reply) as (url, _):
        perceiver = load_base_perceiver(Settings(perceiver=f"endpoint:{url}#tiny"))
        (found,) = perceiver.perceive([ConsumerMessage(TEXTS[0])])
    (own,) = load_perceiver().perceive([ConsumerMessage(TEXTS[0])])
    assert found == own
    assert found.model != perceiver.id


def test_an_endpoint_that_is_away_is_not_asked_for_every_message():
    with serve(lambda _: (500, "{}")) as (url, asked):
        perceiver = load_base_perceiver(Settings(perceiver=f"endpoint:{url}#tiny"))
        found = perceiver.perceive([ConsumerMessage(f"{TEXTS[0]} {number}") for number in range(40)])
    assert len(found) == 40
    assert len(asked) <= 8


def test_an_endpoint_that_never_answers_is_given_up_in_time():
    waiting = threading.Event()
    with serve(lambda _: (waiting.wait(5), answer("{}"))[1]) as (url, _):
        settings = Settings(perceiver=f"endpoint:{url}#tiny", perceiver_timeout_seconds=0.05)
        (found,) = load_base_perceiver(settings).perceive([ConsumerMessage(TEXTS[0])])
        waiting.set()
    assert found.model == load_perceiver().id


@pytest.mark.parametrize(
    "value", ["nothing", "onnx", "onnx:", "endpoint:", "endpoint:http://x/v1", "endpoint:x#y"]
)
def test_a_setting_that_names_no_perceiver_is_refused(value):
    with pytest.raises(SettingsError) as error:
        load_base_perceiver(Settings(perceiver=value))
    assert error.value.hint


@pytest.mark.parametrize("kind", ["onnx", "transformers"])
def test_a_folder_without_a_model_is_refused_with_what_is_missing(tmp_path, kind):
    with pytest.raises(InputError, match=r"config\.json"):
        load_base_perceiver(Settings(perceiver=f"{kind}:{tmp_path}"))
    (tmp_path / "config.json").write_text('{"id2label": {"0": "LABEL_0"}}', encoding="utf-8")
    with pytest.raises(InputError, match="LABEL_0"):
        load_base_perceiver(Settings(perceiver=f"{kind}:{tmp_path}"))
    (tmp_path / "config.json").write_text('{"id2label": {"0": "negative"}}', encoding="utf-8")
    if importlib.util.find_spec("onnxruntime") and kind == "onnx":
        with pytest.raises(FusionError, match="tokenizer"):
            load_base_perceiver(Settings(perceiver=f"{kind}:{tmp_path}"))
