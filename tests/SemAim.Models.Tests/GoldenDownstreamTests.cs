using System.Text.Json;
using SemAim.Dsl;
using SemAim.Models.Teachers;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Classification model, teachers and tables against what the original recorded (golden kinds vit_, teachers, sincos_pos_embed, state_dict_names).</summary>
[Trait("Category", "Golden")]
public sealed class GoldenDownstreamTests
{
    private const string Kind = "vit_*.safetensors", TeacherKind = "teachers*.safetensors", TableKind = "sincos_pos_embed*.safetensors";

    [GoldenTheory("vit_*.safetensors"), GoldenFiles, GoldenKind("vit_*.safetensors")]
    public void Logits_loss_and_gradients_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        int Int(string key) => golden.Json(key).GetInt32();
        // "images_a", or "images_a, the same mirrored …"
        var images = GoldenCase.Images(golden.Text("images")!.Split([' ', ','])[0]);
        var labels = golden["labels"];
        if (labels.size(0) == 4 * images.size(0))
        {
            var flipped = cat([images, images.flip(3), images.flip(2)], 0);
            images = cat([flipped, images.flip(0) * 0.5], 0);
        }
        var model = new VisionTransformer((int)images.size(2), (int)images.size(3), Int("patch_size"), Int("embed_dim"), Int("num_heads"), (int)golden["w.blocks.0.mlp.fc1.weight"].size(0), Int("depth"), Int("num_classes"), globalPool: golden.Json("global_pool").GetBoolean(), dropPath: golden.Json("drop_path_rate").GetDouble());
        GoldenCase.Fill(model, golden, "w.");
        var noise = golden.Names.Where(n => n.StartsWith("droppath_noise.", StringComparison.Ordinal)).OrderBy(n => int.Parse(n.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture)).Select(n => golden[n].reshape(1, -1)).ToList();
        // the first block has rate 0: it draws here, but what it draws changes nothing
        Draws? draws = noise.Count == 0 ? null : new Draws(cat([zeros(2, images.size(0)), .. noise], 0));

        model.eval();
        using (no_grad())
        {
            GoldenReport.Within(Kind, name, "features", GoldenCase.Far(model.Features(images), golden["features"]), 1e-5);
            GoldenReport.Within(Kind, name, "forward", GoldenCase.Far(model.Forward(images), golden[golden.Has("logits_eval") || draws is not null ? "logits_eval" : "logits"]), 1e-5);
        }
        if (draws is not null) model.train();
        var logits = model.Forward(images, draws);
        var loss = nn.functional.cross_entropy(logits, labels);
        loss.backward();

        GoldenReport.Within(Kind, name, "forward", GoldenCase.Far(logits, golden["logits"]), 1e-5);
        GoldenReport.Within(Kind, name, "loss", Math.Abs(golden["loss"].item<float>() - loss.item<float>()), 1e-6);
        GoldenReport.Within(Kind, name, "gradients", golden.GradientError(model), 1e-4);
    }

    [GoldenTheory("teachers*.safetensors"), GoldenFiles, GoldenKind("teachers*.safetensors")]
    public void Teachers_give_the_originals_tokens_and_maps(string name)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var golden = GoldenCase.Open(name);
        var images = GoldenCase.Images(golden.Text("images")!);
        JsonElement clip = golden.Json("clip"), dino = golden.Json("dino");
        var tower = new ClipVision((int)images.size(2), clip.GetProperty("patch").GetInt32(), clip.GetProperty("width").GetInt32(), clip.GetProperty("heads").GetInt32(), clip.GetProperty("layers").GetInt32(), clip.GetProperty("output_dim").GetInt32());
        GoldenCase.Fill(tower, golden, "clip.w.");
        var patch = (int)golden["dino.w.patch_embed.proj.weight"].size(2);
        var vit = new VisionTransformer((int)images.size(2), (int)images.size(3), patch, dino.GetProperty("embed_dim").GetInt32(), dino.GetProperty("num_heads").GetInt32(), (int)golden["dino.w.blocks.0.mlp.fc1.weight"].size(0), dino.GetProperty("depth").GetInt32(), 1, headless: true);
        GoldenCase.Fill(vit, golden, "dino.w.");

        // recorded on pictures with ImageNet's normalisation, as the original feeds them
        foreach (var (teacher, tokens) in new[] { ("clip", tower.Forward(images)), ("dino", vit.Encode(images)) })
        {
            GoldenReport.Within(TeacherKind, name, teacher + " tokens", GoldenCase.Far(tokens, golden[teacher + ".tokens"]), 1e-5);
            GoldenReport.Within(TeacherKind, name, teacher + " map", GoldenCase.Far(TeacherMap.Similarity(tokens), golden[teacher + ".similarity"]), 1e-5);
        }
    }

    [GoldenTheory("sincos_pos_embed*.safetensors"), GoldenFiles, GoldenKind("sincos_pos_embed*.safetensors")]
    public void Position_tables_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        foreach (var key in golden.Names.Where(n => n.EndsWith(".rows", StringComparison.Ordinal)).Select(n => n.Split('.')[0]))
        {
            var (width, grid) = (int.Parse(key[1..key.IndexOf('_')], System.Globalization.CultureInfo.InvariantCulture), int.Parse(key[(key.IndexOf("grid", StringComparison.Ordinal) + 4)..], System.Globalization.CultureInfo.InvariantCulture));
            var table = empty(1, grid * grid + 1, width);
            Inits.SinCos2d(table);

            GoldenReport.Within(TableKind, name, "table", GoldenCase.Far(table[0].index_select(0, golden[key + ".rows"].to(int64)), golden[key + ".values"]), 1e-6);
        }
    }
}
