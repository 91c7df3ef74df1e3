using System.Diagnostics;
using System.Text.Json;
using SemAim.Models;

namespace SemAim.App.Tests;

/// <summary>Weight files with the real program: both ways, compared, explained, refused.</summary>
public sealed class CheckpointVerbTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("semaim-ckpt-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact, Trait("Category", "Golden"), GoldenKind("checkpoint_*.pth")]
    public void A_checkpoint_of_the_original_becomes_safetensors_and_back_with_equal_tensors()
    {
        foreach (var original in GoldenFolder.Files("checkpoint_*.pth"))
        {
            var (there, back) = (Path.Combine(root, "there.safetensors"), Path.Combine(root, "back.pth"));
            Assert.Equal(0, Semaim.Run("ckpt-convert", original, there).Code);
            Assert.Equal(0, Semaim.Run("ckpt-convert", there, back).Code);

            var (code, output, errors) = Semaim.Run("ckpt-diff", original, back, "--json");

            Assert.True(code == 0, output + errors);
            var result = JsonDocument.Parse(output.Trim().Split('\n')[^1]).RootElement;
            Assert.True(result.GetProperty("equal").GetBoolean());
            Assert.True(result.GetProperty("tensors").GetInt32() > 0);
            GoldenReport.Within("checkpoint_*.pth", Path.GetFileName(original), "tensors that differ after the way there and back", 0, 0);
        }
    }

    [Fact]
    public void A_key_that_no_rule_explains_ends_with_3_and_one_line_that_names_it()
    {
        var toy = GoldenFolder.Own("checkpoint_toy.pth");

        var (code, output, errors) = Semaim.Run("ckpt-inspect", toy, "--model", "aim_tiny");

        Assert.Equal(3, code);
        Assert.Contains($"\"cls_token\" is 1×1×24, this model has 1×1×{EncoderSizes.Named("aim_tiny").Width}", Assert.Single(errors.Trim().Split('\n')));
        Assert.Contains("gaussian_blur.weight", output);
    }

    [Fact]
    public void Names_that_would_move_the_cursor_are_shown_as_text()
    {
        var hostile = Path.Combine(root, "hostile.safetensors");
        var header = System.Text.Encoding.UTF8.GetBytes("{\"\\u001b[2Jred\\nline\\u202eüé\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}");
        File.WriteAllBytes(hostile, [.. BitConverter.GetBytes((ulong)header.Length), .. header, 0, 0, 0, 0]);

        var (code, output, _) = Semaim.Run("ckpt-inspect", hostile);

        Assert.Equal(0, code);
        Assert.Contains("\n\\u001B[2Jred\\u000Aline\\u202Eüé  F32   1\n", output);
    }

    [Fact]
    public void What_would_be_lost_or_passed_over_in_silence_is_refused_with_2()
    {
        var toy = Path.Combine(root, "toy.pth");
        File.Copy(GoldenFolder.Own("checkpoint_toy.pth"), toy);
        var before = File.ReadAllBytes(toy);

        var same = Semaim.Run("ckpt-convert", toy, Path.Combine(root, ".", "toy.pth"), "--dtype", "bf16");
        var unused = Semaim.Run("ckpt-inspect", toy, "--output", Path.Combine(root, "m.json"));

        Assert.Equal((2, 2), (same.Code, unused.Code));
        Assert.EndsWith("toy.pth: the file that is converted; give another, it would be lost\n", same.Errors, StringComparison.Ordinal);
        Assert.Contains("it is where --manifest writes", unused.Errors);
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(toy)));
    }

    [Theory]
    [InlineData("whole.pth")]
    [InlineData("whole.safetensors")]
    public void On_a_full_disk_a_file_that_was_there_stays_and_nothing_lies_beside_it(string name)
    {
        var target = Path.Combine(root, name);
        File.WriteAllText(target, "before");

        var (code, _, errors) = Semaim.RunWithin(20, "ckpt-convert", GoldenFolder.Own("checkpoint_toy.pth"), target);

        Assert.True(code == 1, errors);
        Assert.Equal("semaim: a file would become larger than its file system or a limit (ulimit -f) allows\n", errors);
        Assert.Equal("before", File.ReadAllText(target));
        Assert.Equal([target], Directory.GetFiles(root));
    }

    [Fact]
    public void A_result_appears_whole_or_not_at_all()
    {
        var target = Path.Combine(root, "figure.png");
        WholeFile.Write(target, "first");
        Assert.Throws<IOException>(() => WholeFile.Write(target, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("no room");
        }));
        Assert.Equal("first", File.ReadAllText(target));
        WholeFile.Write(target, "é second");
        Assert.Equal("é second", File.ReadAllText(target));
        File.CreateSymbolicLink(Path.Combine(root, "link.png"), target);
        WholeFile.Write(Path.Combine(root, "link.png"), "third");
        Assert.Equal("third", File.ReadAllText(target));
        WholeFile.Write("/dev/null", "gone");
        Assert.Equal(["figure.png", "link.png"], Directory.GetFiles(root).Select(f => Path.GetFileName(f)!).Order());
    }

    [Theory]
    [InlineData("weights.pth", 0, "is empty")]
    [InlineData("weights.pth", -1, "begins like a file of torch.save, but its end is missing or damaged: was it cut off on its way here?")]
    [InlineData("weights.bin", 1, "neither a file of torch.save nor safetensors")]
    [InlineData("weights.safetensors", 1, "not a safetensors file: it is shorter than a header")]
    public void A_file_that_holds_no_weights_is_told_by_what_it_is(string name, int bytes, string expected)
    {
        var file = Path.Combine(root, name);
        File.WriteAllBytes(file, bytes < 0 ? File.ReadAllBytes(GoldenFolder.Own("checkpoint_toy.pth"))[..^2000] : new byte[bytes]);

        Assert.Equal($"{file}: {expected}", Assert.Throws<Runtime.RefusedException>(() => Runtime.Checkpoints.WeightFile.Open(file)).Message);
    }

    [Fact]
    public async Task The_worst_of_the_hostile_files_end_with_3_one_line_and_less_than_256_MB()
    {
        string[] worst = ["zip, a million lists", "legacy, dictionaries that multiply", "zip, names posix system"];
        foreach (var (name, bytes) in HostileCorpus.Refused().Where(f => worst.Contains(f.Name)))
        {
            var path = Path.Combine(root, "hostile.pth");
            File.WriteAllBytes(path, bytes);
            var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "semaim.dll"), "ckpt-inspect", path]) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            long peak = 0;
            while (!process.WaitForExit(20))
            {
                process.Refresh();
                try { peak = Math.Max(peak, process.PeakWorkingSet64); }
                catch (InvalidOperationException) { }                             // it ended just now
            }

            Assert.True(process.ExitCode == 3, $"{name}: {process.ExitCode} {await errors}");
            Assert.Single((await errors).Trim().Split('\n'));
            Assert.True(peak > 0 && peak < 256 << 20, $"{name}: {peak} bytes");
        }
    }
}
