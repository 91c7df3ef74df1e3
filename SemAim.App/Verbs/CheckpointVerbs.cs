using System.Globalization;
using System.Text.Json;
using CommandLine;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>What a checkpoint is converted to.</summary>
internal enum ElementChoice { Keep, Fp32, Fp16, Bf16 }

/// <summary><c>semaim ckpt-inspect</c>: what a weight file holds. It needs no libtorch and executes nothing.</summary>
[Verb("ckpt-inspect", HelpText = "List the tensors of a .pth or .safetensors file, or of a run's folder.")]
internal sealed class CheckpointInspectVerb : IVerb
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    [Value(0, Required = true, MetaName = "FILE", HelpText = "A .pth or .safetensors file, a run's folder or a checkpoint's.")]
    public string Input { get; set; } = "";

    [Option("key", Default = null, HelpText = "Dictionary of a .pth to list (state_dict, model, ema_state_dict …). Without it: state_dict, model or the file itself.")]
    public string? Key { get; set; }

    [Option("model", Default = null, HelpText = "Say for every key what this model would do with it; ends with 3 where one is not explained.")]
    public string? Model { get; set; }

    [Option("manifest", Default = false, HelpText = "Write NAME.manifest.json (key, shape, dtype) beside the file, or to --output.")]
    public bool Manifest { get; set; }

    [Option("output", Default = "", HelpText = "Where --manifest writes.")]
    public string Output { get; set; } = "";

    [Option("json", Default = false, HelpText = "One JSON object instead of a table.")]
    public bool Json { get; set; }

    public int Run()
    {
        if (Output.Length > 0 && !Manifest) throw new UsageException($"--output {Output}: it is where --manifest writes, and that is not given");
        using var file = WeightFile.Open(Input, Key);
        file.Verify();
        if (Manifest)
        {
            var target = Output.Length > 0 ? Output : Path.ChangeExtension(file.Path, null) + ".manifest.json";
            OutputFile.Prepare("--output", target);
            WholeFile.Write(target, JsonSerializer.Serialize(file.Entries.Select(e => new { key = WeightFile.WithoutPrefix(e.Name), shape = e.Shape, dtype = e.TypeName }), Indented) + "\n");
            Console.Out.WriteLine(target);
            return ExitCodes.Done;
        }
        LoadReport? report = null;
        if (Model is not null)
        {
            NativeStart.Ensure();
            using var model = Named(Model);
            report = ModelWeights.Explain(model, file, Model.StartsWith("aim_", StringComparison.Ordinal) ? EncoderWeights.Pretraining : EncoderWeights.Classifier(globalPool: false));
        }
        if (Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new
            {
                path = file.Path,
                format = file.Format,
                facts = file.Facts,
                others = file.Others,
                parameters = file.Entries.Sum(e => e.Count),
                bytes = file.Entries.Sum(e => e.Bytes),
                tensors = file.Entries.Select(e => new { name = e.Name, dtype = e.TypeName, shape = e.Shape, strides = e.Strides }),
                load = report?.Keys.Select(k => new { key = k.Key, fate = k.Fate.ToString().ToLowerInvariant(), reason = k.Reason }),
            }));
        }
        else
        {
            Console.Out.WriteLine($"{file.Path}: {file.Format}");
            foreach (var (name, value) in file.Facts) Console.Out.WriteLine($"{Printable.Text(name)} = {Short(value)}");
            if (file.Others.Count > 0) Console.Out.WriteLine($"also holds {Printable.Text(string.Join(", ", file.Others))}");
            var width = file.Entries.Select(e => Printable.Text(e.Name).Length).DefaultIfEmpty(0).Max();
            foreach (var e in file.Entries) Console.Out.WriteLine($"{Printable.Text(e.Name).PadRight(width)}  {e.TypeName,-4}  {Shape(e.Shape)}{(e.IsContiguous ? "" : $"  strides {Shape(e.Strides)}")}");
            Console.Out.WriteLine($"{file.Entries.Count} tensors, {file.Entries.Sum(e => e.Count).ToString("N0", CultureInfo.InvariantCulture)} values, {file.Entries.Sum(e => e.Bytes).ToString("N0", CultureInfo.InvariantCulture)} bytes");
            if (report is not null)
            {
                Console.Out.WriteLine($"as {Model}: {report.Summary}");
                foreach (var line in report.Lines) Console.Out.WriteLine($"  {Printable.Text(line)}");
            }
        }
        report?.Require();
        return ExitCodes.Done;
    }

    private static Dsl.GraphModule Named(string name) => name.StartsWith("aim_", StringComparison.Ordinal) ? ModelCatalogue.CreateAim(name) : EncoderSizes.Named(name).Classifier(1000, globalPool: false);

    private static string Shape(long[] axes) => axes.Length == 0 ? "scalar" : string.Join('×', axes);

    private static string Short(string text) => Printable.Text((text.Length > 200 ? text[..200] + " …" : text).ReplaceLineEndings(" "));
}

/// <summary><c>semaim ckpt-convert</c>: torch.save's files and safetensors, both ways.</summary>
[Verb("ckpt-convert", HelpText = "Convert weights between .pth and .safetensors, both ways; names, shapes and values stay.")]
internal sealed class CheckpointConvertVerb : IVerb
{
    [Value(0, Required = true, MetaName = "FROM", HelpText = "A .pth or .safetensors file, a run's folder or a checkpoint's.")]
    public string From { get; set; } = "";

    [Value(1, Required = true, MetaName = "TO", HelpText = "A file that ends in .pth (or .pt, .bin) or .safetensors.")]
    public string To { get; set; } = "";

    [Option("key", Default = null, HelpText = "Dictionary of a .pth to convert. Without it: state_dict, model or the file itself.")]
    public string? Key { get; set; }

    [Option("to_key", Default = "state_dict", HelpText = "Dictionary of the .pth that is written, where the original's programs look; \"none\": the file itself is the dictionary.")]
    public string ToKey { get; set; } = "";

    [Option("dtype", Default = ElementChoice.Keep, HelpText = "keep, fp32, fp16 or bf16: type of the floating-point tensors.")]
    public ElementChoice Type { get; set; }

    [Option("keep_prefix", Default = false, HelpText = "Leave the \"module.\" that several processes wrote.")]
    public bool KeepPrefix { get; set; }

    public int Run()
    {
        var extension = Path.GetExtension(To).ToLowerInvariant();
        if (extension is not (".safetensors" or ".pth" or ".pt" or ".bin")) throw new UsageException($"{To}: a file that ends in .safetensors or .pth");
        using var file = WeightFile.Open(From, Key);
        if (File.Exists(To) && Path.GetFullPath(To) == Path.GetFullPath(file.Path)) throw new UsageException($"{To}: the file that is converted; give another, it would be lost");
        OutputFile.Prepare("TO", To);
        NativeStart.Ensure();
        using var scope = NewDisposeScope();
        var tensors = new List<KeyValuePair<string, Tensor>>();
        foreach (var entry in file.Entries)
        {
            var name = KeepPrefix ? entry.Name : WeightFile.WithoutPrefix(entry.Name);
            if (tensors.Any(t => t.Key == name)) throw new RefusedException($"{file.Path}: \"{name}\" occurs twice, with and without \"module.\"; --keep_prefix keeps both");
            var value = file.ReadTensor(entry.Name);
            tensors.Add(new(name, Type == ElementChoice.Keep || !entry.TypeName.Contains('F') ? value : value.to(Type switch { ElementChoice.Fp32 => float32, ElementChoice.Fp16 => float16, _ => bfloat16 })));
        }
        if (extension == ".safetensors")
        {
            SafetensorsWriter.Write(To, tensors, file.Facts);
        }
        else
        {
            var facts = file.Facts.Where(f => f.Key is "epoch" or "model").ToDictionary(f => f.Key, f => long.TryParse(f.Value, CultureInfo.InvariantCulture, out var number) ? number : (object)f.Value);
            PthWriter.Write(To, tensors, facts, ToKey == "none" ? "" : ToKey);
        }
        if (file.Others.Count > 0) Console.Error.WriteLine($"left out: {Printable.Text(string.Join(", ", file.Others))}");
        Console.Out.WriteLine($"{To}: {tensors.Count} tensors, {tensors.Sum(t => t.Value.numel()).ToString("N0", CultureInfo.InvariantCulture)} values");
        return ExitCodes.Done;
    }
}

/// <summary><c>semaim ckpt-diff</c>: where two weight files differ.</summary>
[Verb("ckpt-diff", HelpText = "Compare two weight files key by key; ends with 1 where they differ.")]
internal sealed class CheckpointDiffVerb : IVerb
{
    [Value(0, Required = true, MetaName = "A", HelpText = "A .pth or .safetensors file, a run's folder or a checkpoint's.")]
    public string A { get; set; } = "";

    [Value(1, Required = true, MetaName = "B", HelpText = "Another.")]
    public string B { get; set; } = "";

    [Option("key", Default = null, HelpText = "Dictionary of a .pth to compare. Without it: state_dict, model or the file itself.")]
    public string? Key { get; set; }

    [Option("tolerance", Default = 0.0, HelpText = "Largest absolute difference that counts as equal.")]
    public double Tolerance { get; set; }

    [Option("json", Default = false, HelpText = "One JSON object as the last line.")]
    public bool Json { get; set; }

    public int Run()
    {
        if (!(Tolerance >= 0)) throw new UsageException($"--tolerance {Tolerance}: 0 or more");
        using var a = Open(A);
        using var b = Open(B);
        NativeStart.Ensure();
        var (left, right) = (Names(a), Names(b));
        var differences = new List<(string Name, string What, double Far)>();
        foreach (var (name, entry) in left)
        {
            using var scope = NewDisposeScope();
            if (!right.TryGetValue(name, out var other)) differences.Add((name, $"only in {a.Path}", double.PositiveInfinity));
            else if (!entry.Shape.SequenceEqual(other.Shape)) differences.Add((name, $"{string.Join('×', entry.Shape)} against {string.Join('×', other.Shape)}", double.PositiveInfinity));
            else if (entry.Count > 0 && Far(a.ReadTensor(entry.Name), b.ReadTensor(other.Name)) is var far && !(far <= Tolerance)) differences.Add((name, $"differs by up to {far:G6}{(entry.Type == other.Type ? "" : $", {entry.TypeName} against {other.TypeName}")}", far));
            else if (entry.Type != other.Type && Tolerance == 0) differences.Add((name, $"{entry.TypeName} against {other.TypeName}, equal values", 0));
        }
        foreach (var name in right.Keys.Where(n => !left.ContainsKey(n))) differences.Add((name, $"only in {b.Path}", double.PositiveInfinity));
        foreach (var (name, what, _) in differences) Console.Out.WriteLine($"{Printable.Text(name)}: {what}");
        Console.Out.WriteLine(differences.Count == 0 ? $"equal: {left.Count} tensors" : $"{differences.Count} of {left.Keys.Union(right.Keys).Count()} keys differ");
        if (Json) Console.Out.WriteLine(JsonSerializer.Serialize(new { equal = differences.Count == 0, tensors = left.Keys.Union(right.Keys).Count(), differences = differences.Select(d => new { key = d.Name, what = d.What }) }));
        return differences.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }

    // the key applies to those of the two that have dictionaries
    private WeightFile Open(string path) => path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? WeightFile.Open(path) : WeightFile.Open(path, Key);

    private static Dictionary<string, WeightEntry> Names(WeightFile file)
    {
        var names = new Dictionary<string, WeightEntry>();
        foreach (var entry in file.Entries)
            if (!names.TryAdd(WeightFile.WithoutPrefix(entry.Name), entry)) throw new RefusedException($"{file.Path}: \"{WeightFile.WithoutPrefix(entry.Name)}\" occurs twice, with and without \"module.\"");
        return names;
    }

    // not-a-number equals itself here: the question is whether the files say the same
    private static double Far(Tensor x, Tensor y)
    {
        var (a, b) = (x.to(float64), y.to(float64));
        var same = a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));
        var far = a.sub(b).abs().masked_fill(same, Number.Of(0));
        return far.isnan().any().item<bool>() ? double.PositiveInfinity : far.max().item<double>();
    }
}
