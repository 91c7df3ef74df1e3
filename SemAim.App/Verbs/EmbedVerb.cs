using System.Diagnostics;
using System.IO.Hashing;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;
using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary><c>semaim embed</c>: a folder of pictures to one vector each, in order, resumable.</summary>
[Verb("embed", HelpText = "Write one vector for every picture of a folder to a .safetensors file, and their paths to index.jsonl.")]
internal sealed class EmbedVerb : EvaluationOptions, IVerb
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Option("split", Default = "", HelpText = "train or val, of a folder that has both; without it every picture below --data_path.")]
    public string Split { get; set; } = "";

    [Option("output", Default = "features.safetensors", HelpText = "The file of vectors; index.jsonl lies beside it.")]
    public string Output { get; set; } = "";

    [Option("model", Default = null, HelpText = "A published model (aim_* or vit_*) whose sizes the weights must have; without it the weights' own sizes.")]
    public string? Model { get; set; }

    [Option("pretrained_weights", Default = "", HelpText = "Weights: .pth, .safetensors, or a run's folder.")]
    public string PretrainedWeights { get; set; } = "";

    [Option("checkpoint_key", Default = null, HelpText = "Dictionary of a .pth (state_dict, ema_state_dict). Without it: state_dict or model.")]
    public string? CheckpointKey { get; set; }

    [Option("input_size", Default = null, HelpText = "Side of the pictures, pixels; without it the weights'.")]
    public int? InputSize { get; set; }

    [Option("features", Default = FeatureKind.Cls, HelpText = "cls: class token after the final norm. pooled: mean of the patches, then fc_norm. patches: final norm on every token, then the mean of the patches.")]
    public FeatureKind Kind { get; set; }

    [Option("batch_size", Default = 128, HelpText = "Pictures at a time.")]
    public int BatchSize { get; set; }

    [Option("store", Default = StoreChoice.Fp32, HelpText = "fp32 or fp16.")]
    public StoreChoice Store { get; set; }

    [Option("max_time", Default = "", HelpText = "End with 75 after this time: 90s, 45m, 3h or 2d. The same command goes on.")]
    public string MaxTime { get; set; } = "";

    public int Run()
    {
        CheckShared(BatchSize, "batch_size");
        if (PretrainedWeights.Length == 0) throw new UsageException("--pretrained_weights is missing: random weights make no features");
        if (Split is not ("" or "train" or "val")) throw new UsageException($"--split {Split}: train or val");
        OutputFile.Prepare("--output", Output);
        using var stop = new StopRequest(StopRequest.Limit(MaxTime));
        NativeStart.Ensure();
        var narrator = new Narrator(Quiet);
        using var source = Split.Length > 0 ? SampleSources.Open(DataPath, Split, out _, Reading()) : Directory.Exists(DataPath) ? SampleSources.Pictures(DataPath, Reading()) : throw new UsageException($"--data_path {DataPath}: {(File.Exists(DataPath) ? "a file; give a folder, all pictures below it are taken" : "there is no such folder")}");
        using var encoder = FrozenEncoder.Load(PretrainedWeights, CheckpointKey, Model, NumHeads, InputSize, Kind, Precision == PrecisionChoice.Bf16, Device());
        narrator.Say($"weights {encoder.Report.Summary}");
        foreach (var line in encoder.Report.Lines) narrator.Say($"        {line}");
        var protocol = encoder.Describe(new Protocol(), Training.Pictures.Resize(encoder.Sizes.ImageSize)).Add("store", Store == StoreChoice.Fp16 ? "float16" : "float32").Add("samples", source.Count);
        var folder = Path.GetDirectoryName(Path.GetFullPath(Output))!;
        Directory.CreateDirectory(folder);
        var (index, type, element) = (Path.Combine(folder, "index.jsonl"), Store == StoreChoice.Fp16 ? float16 : float32, Store == StoreChoice.Fp16 ? 2 : 4);
        // what the rows already written depend on; another weight file, picture or option starts anew
        var what = Fingerprint(protocol, source);
        var metadata = JsonSerializer.Serialize(new Dictionary<string, string> { ["protocol"] = JsonSerializer.Serialize(protocol.Json), ["fingerprint"] = what });
        var shape = $"\"shape\":[{source.Count},{encoder.Sizes.Width}],\"data_offsets\":[0,{(long)source.Count * encoder.Sizes.Width * element}]";
        var header = Encoding.UTF8.GetBytes($"{{\"__metadata__\":{metadata},\"features\":{{\"dtype\":\"{(Store == StoreChoice.Fp16 ? "F16" : "F32")}\",{shape}}}}}");
        header = [.. header, .. Enumerable.Repeat((byte)' ', (8 - header.Length % 8) % 8)];
        byte[] head = [.. BitConverter.GetBytes((ulong)header.Length), .. header];
        var row = (long)encoder.Sizes.Width * element;
        var part = Output + ".part";
        var (done, speed) = (0, 0.0);
        var clock = Stopwatch.StartNew();
        using (var stream = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 20))
        {
            // the rows of a part with the same beginning are whole up to its last full row
            var before = new byte[head.Length];
            var same = stream.Length >= head.Length && stream.ReadAtLeast(before, head.Length, false) == head.Length && before.AsSpan().SequenceEqual(head);
            done = same ? (int)Math.Min(source.Count, (stream.Length - head.Length) / row) : 0;
            done -= done == source.Count ? 0 : done % BatchSize;                      // the same batches as without an interruption, so the same bytes
            stream.SetLength(head.Length + done * row);
            stream.Position = 0;
            stream.Write(head);
            stream.Position = head.Length + done * row;
            if (done > 0) narrator.Say($"resume  from picture {done} of {source.Count}");
            var began = done;
            try
            {
                if (done < source.Count)
                    narrator.Track("embed", source.Count, report => Pictures.ForEach(source, encoder.Sizes.ImageSize, BatchSize, Workers, encoder.Device, (images, labels, first) =>
                    {
                        using var guard = no_grad();
                        var features = encoder.Features(images).to(type).to(CPU).contiguous();
                        features.WriteBytesToStream(stream);
                        stream.Flush();
                        done = first + labels.Length;
                        report(done, $"{(done - began) / clock.Elapsed.TotalSeconds:F0} images/s");
                        if (done < source.Count && stop.Reason is { } reason) throw new OperationCanceledException(reason);
                    }, done));
            }
            catch (OperationCanceledException e)
            {
                Narrator.Fault($"{e.Message}: {done} of {source.Count} pictures are done; the same command goes on");
                return ExitCodes.Stopped;
            }
            stream.Flush(flushToDisk: true);
            speed = (done - began) / clock.Elapsed.TotalSeconds;
        }
        using (var writer = new StreamWriter(index + ".part"))
            for (var i = 0; i < source.Count; i++)
                writer.Write(JsonSerializer.Serialize(new { row = i, path = source.Name(i), label = source.Label(i), @class = source.Label(i) >= 0 && source.Label(i) < source.Classes.Count ? source.Classes[source.Label(i)] : null }, Readable) + "\n");
        File.Move(index + ".part", index, overwrite: true);
        File.Move(part, Output, overwrite: true);
        Console.Out.WriteLine(protocol.Line);
        Console.Out.WriteLine($"{Output}: {source.Count} × {encoder.Sizes.Width}");
        if (speed > 0) Console.Out.WriteLine($"speed {speed:F1} images/s, {get_num_threads()} threads");
        if (Json) Console.Out.WriteLine(JsonSerializer.Serialize(new { verb = "embed", images_per_second = speed > 0 ? Math.Round(speed, 2) : (double?)null, protocol = protocol.Json, features = Output, index, samples = source.Count, width = encoder.Sizes.Width }));
        return ExitCodes.Done;
    }

    private string Fingerprint(Protocol protocol, ISampleSource source)
    {
        var hash = new XxHash128();
        hash.Append(Encoding.UTF8.GetBytes(protocol.Line + source.Decode.Difference));
        for (var i = 0; i < source.Count; i++) hash.Append(Encoding.UTF8.GetBytes(source.Name(i) + "\n"));
        using (var file = Runtime.Checkpoints.WeightFile.Open(PretrainedWeights, CheckpointKey))
        using (var stream = File.OpenRead(file.Path)) hash.Append(stream);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
