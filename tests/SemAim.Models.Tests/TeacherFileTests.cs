using SemAim.Models.Orders;
using SemAim.Models.Teachers;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Teachers from their public checkpoints' layouts (behaviour.md 4.2).</summary>
public sealed class TeacherFileTests : IDisposable
{
    private static readonly Grid Patches = new(4, 4);
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-teacher-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("clip.pth", "visual.")]
    [InlineData("clip.safetensors", "visual.")]
    [InlineData("clip.safetensors", "module.visual.")]
    [InlineData("clip.safetensors", "")]
    public void Clip_is_read_with_its_text_tower_and_half_tensors(string name, string prefix)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (tower, images, path) = (Clip(), Pictures(), Path.Combine(folder, name));
        WriteClip(path, tower, prefix, half: true);
        foreach (var slot in tower.Slots().Where(s => s.Name.Contains("weight", StringComparison.Ordinal) || s.Name == "proj")) slot.Weight.Tensor.copy_(slot.Weight.Tensor.to(float16).to(float32));

        using var teacher = Teacher.Clip(path, 32, Patches);
        using var asOriginal = Teacher.Clip(path, 32, Patches, renormalise: false);
        var (tokens, map) = teacher.Look(images);

        Assert.Equal(24, teacher.Width);
        Assert.Equal(0, GoldenCase.Far(tokens!, tower.Forward(TeacherMap.ForClip(images))));
        Assert.Equal(0, GoldenCase.Far(asOriginal.Look(images).Tokens!, tower.Forward(images)));
        Assert.Equal(0, GoldenCase.Far(map!, TeacherMap.Similarity(tokens!)));
        Assert.False(tokens!.requires_grad);
    }

    [Fact]
    public void Pictures_reach_clip_with_its_own_mean_and_deviation()
    {
        using var scope = NewDisposeScope();
        var pixels = rand(1, 3, 4, 4, generator: new Generator(1));
        Tensor Channels(params float[] v) => tensor(v).reshape(1, 3, 1, 1);
        var imagenet = (pixels - Channels(0.485f, 0.456f, 0.406f)) / Channels(0.229f, 0.224f, 0.225f);

        Assert.True(GoldenCase.Far(TeacherMap.ForClip(imagenet), (pixels - Channels(0.48145466f, 0.4578275f, 0.40821073f)) / Channels(0.26862954f, 0.26130258f, 0.27577711f)) < 1e-6);
    }

    [Theory]
    [InlineData("")]
    [InlineData("backbone.")]
    [InlineData("module.backbone.")]
    public void Dino_is_read_with_or_without_its_wrappers(string prefix)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (vit, images, path) = (new VisionTransformer(S: 32, P: 8, D: 64, H: 1, L: 2, headless: true).Initialise(), Pictures(), Path.Combine(folder, "dino.pth"));
        PthWriter.Write(path, vit.Slots().Select(s => KeyValuePair.Create(prefix + s.Name, s.Weight.Tensor.detach())).Append(KeyValuePair.Create(prefix + "head.weight", zeros(3, 64))), key: "");

        using var teacher = Teacher.Dino(path, 32, Patches, map: false);
        var (tokens, map) = teacher.Look(images);

        Assert.Equal(64, teacher.Width);
        Assert.Equal(0, GoldenCase.Far(tokens!, vit.Encode(images)));
        Assert.Null(map);
    }

    [Fact]
    public void OpenAIs_archive_is_read_without_running_its_code()
    {
        // torch.jit.save of a module with CLIP's names, traced; its code is packed and stays so. Recorded with PyTorch 1.13
        using var scope = NewDisposeScope();
        var path = Path.Combine(GoldenFolder.Fixtures, "clip_torchscript.pt");
        var images = arange(2 * 3 * 32 * 32, float32).mul(0.37f).sin().reshape(2, 3, 32, 32);
        using (var file = WeightFile.Open(path))
        {
            Assert.Equal("TorchScript", file.Format);
            Assert.Contains(file.Entries, e => e.Name == "visual.transformer.resblocks.0.attn.in_proj_weight" && e.Shape.SequenceEqual([48, 16]));
            Assert.Contains(file.Entries, e => e.Name == "input_resolution");
        }

        using var teacher = Teacher.Clip(path, 32, Patches, renormalise: false, options: new(Heads: 2));
        var tokens = teacher.Look(images).Tokens!;

        Assert.True(GoldenCase.Far(tokens[0, 0], tensor(new[] { -0.6897904f, -1.3964602f, -0.2551809f, -1.317675f, -1.0793772f, 1.0251943f })) < 1e-5);
        Assert.True(GoldenCase.Far(tokens[1, 16], tensor(new[] { -0.2739559f, -2.0197613f, 0.019596f, -0.4293425f, 0.8168175f, -0.2069653f })) < 1e-5);
    }

    [Fact]
    public void Heads_are_one_for_64_channels_or_as_given()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (path, images) = (Path.Combine(folder, "narrow.safetensors"), Pictures());
        using var tower = new ClipVision(S: 32, P: 8, D: 48, H: 3, L: 1, O: 24);
        WriteClip(path, tower, "visual.", half: false);

        using var teacher = Teacher.Clip(path, 32, Patches, renormalise: false, options: new(Heads: 3));

        Assert.Equal(0, GoldenCase.Far(teacher.Look(images).Tokens!, tower.Forward(images)));
        Assert.Contains("--teacher_heads", Assert.Throws<RefusedException>(() => Teacher.Clip(path, 32, Patches)).Message);
        Assert.Contains("1, 2, 3, 4, 6, 8, 12, 16, 24, 48", Assert.Throws<UsageException>(() => Teacher.Clip(path, 32, Patches, options: new(Heads: 5))).Message);
    }

    [Theory]
    [InlineData(null, -0.384855f, 0.572794f, -0.105397f, -1.36914f)]
    [InlineData("teacher", -0.384855f, 0.572794f, -0.105397f, -1.36914f)]
    [InlineData("student", 2.169388f, 1.10603f, -1.944712f, -0.645165f)]
    public void Of_DINOs_full_checkpoint_the_teacher_is_taken_unless_the_student_is_asked_for(string? key, params float[] first)
    {
        // torch.save of DINO's training state: student under module.backbone., teacher under backbone., heads, optimizer, arguments. Recorded with PyTorch 1.13
        using var scope = NewDisposeScope();
        var path = Path.Combine(GoldenFolder.Fixtures, "dino_full.pth");
        var images = arange(2 * 3 * 32 * 32, float32).mul(0.37f).sin().reshape(2, 3, 32, 32);

        using var teacher = Teacher.Dino(path, 32, Patches, options: new(key, Heads: 2));

        Assert.True(GoldenCase.Far(teacher.Look(images).Tokens![0, 0].narrow(0, 0, 4), tensor(first)) < 1e-5);
        Assert.Contains("has no \"average\"; it has \"student\", \"teacher\"", Assert.Throws<RefusedException>(() => Teacher.Dino(path, 32, Patches, options: new("average"))).Message);
    }

    [Fact]
    public void What_is_no_such_teacher_is_refused_with_the_reason()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (tower, path) = (Clip(), Path.Combine(folder, "clip.safetensors"));
        string Refusal(Action open) => Assert.Throws<RefusedException>(open).Message;

        WriteClip(path, tower, "visual.", half: false);
        Assert.Contains("4 × 4 patches of 8 px", Refusal(() => Teacher.Clip(path, 64, new Grid(8, 8)).Dispose()));
        Assert.Contains("patch_embed.proj.weight", Refusal(() => Teacher.Dino(path, 32, Patches).Dispose()));

        WriteClip(path, tower, "visual.", half: false, extra: "visual.attnpool.positional_embedding");
        Assert.Contains("attnpool.positional_embedding", Refusal(() => Teacher.Clip(path, 32, Patches).Dispose()));

        WriteClip(path, tower, "visual.", half: false, extra: "optimizer.state");
        Assert.Contains("optimizer.state", Refusal(() => Teacher.Clip(path, 32, Patches).Dispose()));

        SafetensorsWriter.Write(path, tower.Slots().Where(s => s.Name != "ln_post.bias").Select(s => KeyValuePair.Create("visual." + s.Name, s.Weight.Tensor.detach())));
        Assert.Contains("ln_post.bias", Refusal(() => Teacher.Clip(path, 32, Patches).Dispose()));

        using var narrow = new ClipVision(S: 32, P: 8, D: 48, H: 1, L: 1, O: 24);
        WriteClip(path, narrow, "visual.", half: false);
        Assert.Contains("48", Refusal(() => Teacher.Clip(path, 32, Patches).Dispose()));
    }

    [Fact]
    public void A_narrow_teacher_stays_close()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (tower, images, path) = (Clip(), Pictures(), Path.Combine(folder, "clip.safetensors"));
        WriteClip(path, tower, "visual.", half: false);
        using var teacher = Teacher.Clip(path, 32, Patches);
        var wide = teacher.Look(images).Tokens!;

        teacher.Narrow();

        var narrow = teacher.Look(images).Tokens!.to(float32);
        Assert.InRange((wide - narrow).norm().item<float>() / wide.norm().item<float>(), 1e-6, 0.03);
    }

    private static Tensor Pictures() => randn(2, 3, 32, 32, generator: new Generator(2));

    private static ClipVision Clip()
    {
        random.manual_seed(7);
        var tower = new ClipVision(S: 32, P: 8, D: 64, H: 1, L: 2, O: 24);
        using var guard = no_grad();
        foreach (var slot in tower.Slots()) slot.Weight.Tensor.add_(randn(slot.Weight.Tensor.shape, generator: new Generator(8)), 0.1);
        return tower;
    }

    private static void WriteClip(string path, ClipVision tower, string prefix, bool half, string? extra = null)
    {
        // OpenAI's files hold halves where products read them, and the text tower beside the image tower
        var weights = tower.Slots().Select(s => KeyValuePair.Create(prefix + s.Name, half && (s.Name.Contains("weight", StringComparison.Ordinal) || s.Name == "proj") ? s.Weight.Tensor.detach().to(float16) : s.Weight.Tensor.detach())).ToList();
        if (prefix.Length > 0)
            foreach (var text in new[] { "positional_embedding", "text_projection", "logit_scale", "token_embedding.weight", "ln_final.weight", "transformer.resblocks.0.ln_1.weight", "input_resolution" })
                weights.Add(KeyValuePair.Create(text, zeros(2)));
        if (extra is not null) weights.Add(KeyValuePair.Create(extra, zeros(2)));
        if (path.EndsWith(".pth", StringComparison.Ordinal)) PthWriter.Write(path, weights, key: "");
        else SafetensorsWriter.Write(path, weights);
    }
}
