using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using SemAim.Dsl;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Native;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Sums over the steps of an epoch that has begun, so that its averages are those of all its steps although the run was interrupted.</summary>
/// <param name="Loss">over micro-batches</param>
/// <param name="Norm">of gradients</param>
/// <param name="Rate">learning rates</param>
/// <param name="Steps">how many</param>
internal readonly record struct EpochSums(float Loss, float Norm, double Rate, int Steps);

/// <summary>What a checkpoint says besides its tensors.</summary>
/// <param name="Step">optimiser steps done</param>
/// <param name="BadInARow">non-finite steps at the end of those</param>
/// <param name="Options">every option that decides the mathematics, as text</param>
/// <param name="Sha256">of the other files, by name</param>
internal sealed record CheckpointState(long Step, int BadInARow, Dictionary<string, string> Options, Dictionary<string, string> Sha256)
{
    /// <summary>Of the epoch that has begun.</summary>
    public EpochSums Epoch { get; init; }
}

/// <summary>
/// Checkpoints of a run: folders <c>step-00000120</c> that exist only when they are whole. A folder is written aside under a name that is
/// never read, and renamed; <c>latest</c> names the newest.
/// </summary>
/// <param name="folder">the run's <c>checkpoints</c> folder</param>
/// <param name="keep">how many stay; older ones are deleted after a new one is whole</param>
/// <param name="open">makes the files; for tests of disks that fail</param>
internal sealed class RunCheckpoints(string folder, int keep = 2, Func<string, Stream>? open = null)
{
    /// <summary>Of --resume.</summary>
    internal const string Help = "What to go on from: a checkpoint's folder, a file in it, or a run's folder; none: start anew. Without it the run goes on from its newest checkpoint.";

    internal const string Model = "model.safetensors", Optimizer = "optimizer.safetensors", Average = "ema.safetensors";
    private const string State = "state.json", Aside = ".part";
    private static readonly JsonSerializerOptions Form = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>The newest checkpoint that is whole and undamaged, or null. Damaged ones are named to <paramref name="tell"/> and passed over.</summary>
    internal (string Folder, CheckpointState State)? Newest(Action<string> tell)
    {
        if (!Directory.Exists(folder)) return null;
        List<string> candidates = [.. Directory.GetDirectories(folder, "step-*").Where(d => !d.EndsWith(Aside, StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal)];
        foreach (var candidate in candidates)
        {
            try { return (candidate, Read(candidate)); }
            catch (RefusedException e) { tell($"passed over a damaged checkpoint: {e.Message}"); }
        }
        // beginning anew would throw away what the run has measured and what may still be mended
        return candidates.Count == 0 ? null : throw new RefusedException($"{folder}: no checkpoint is whole ({candidates.Count} {(candidates.Count == 1 ? "is" : "are")} damaged); --resume none starts anew");
    }

    /// <summary>The checkpoint that --resume names: its folder, a file in it, <c>latest</c>, or a run's folder, whose newest whole one it is.</summary>
    /// <exception cref="RefusedException">there is none</exception>
    internal static (string Folder, CheckpointState State) Given(string path, Action<string> tell)
    {
        var folder = File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        if (!Directory.Exists(folder)) throw new RefusedException($"--resume {path}: there is no such file or folder");
        if (File.Exists(Path.Combine(folder, State))) return (folder, Read(folder));
        var below = Path.Combine(folder, "checkpoints");
        return new RunCheckpoints(Directory.Exists(below) ? below : folder).Newest(tell) ?? throw new RefusedException($"--resume {path}: no checkpoint: give a folder step-NNNNNNNN of a run's checkpoints, a file in one, or a run's folder{(File.Exists(path) ? "; weights alone are no checkpoint" : "")}");
    }

    /// <summary>Reads and verifies a checkpoint folder.</summary>
    /// <exception cref="RefusedException">a file is missing, malformed or has another hash</exception>
    internal static CheckpointState Read(string checkpoint)
    {
        try
        {
            var state = JsonSerializer.Deserialize<CheckpointState>(File.ReadAllText(Path.Combine(checkpoint, State)), Form);
            if (state?.Options is null || state.Sha256 is null || state.Step < 0) throw new RefusedException($"{checkpoint}: {State} is incomplete");
            foreach (var name in new[] { Model, Optimizer }.Union(state.Sha256.Keys))
                if (Path.GetFileName(name) != name || !state.Sha256.TryGetValue(name, out var hash) || hash != Hash(Path.Combine(checkpoint, name))) throw new RefusedException($"{checkpoint}: {name} is not the file that was written (its sha256 differs)");
            return state;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new RefusedException($"{checkpoint}: no whole checkpoint: {(e is JsonException json ? JsonFault.Of(json) : e.Message)}", e);
        }
    }

    /// <summary>Writes a checkpoint; the previous one stays until the new one is whole.</summary>
    /// <param name="state">of the run, as it is now or as a copy of its own</param>
    /// <exception cref="RefusedException">the disk does not take it; older checkpoints are untouched</exception>
    internal void Save(TrainingState state)
    {
        var name = $"step-{state.Step:D8}";
        var (target, aside) = (Path.Combine(folder, name), Path.Combine(folder, name + Aside));
        try
        {
            foreach (var rest in Directory.Exists(folder) ? Directory.GetDirectories(folder, "*" + Aside) : []) Directory.Delete(rest, recursive: true);
            Directory.CreateDirectory(aside);
            var hashes = new Dictionary<string, string>();
            foreach (var (file, tensors) in state.Files)
            {
                SafetensorsWriter.Write(Path.Combine(aside, file), tensors, null, open);
                hashes.Add(file, Hash(Path.Combine(aside, file)));
            }
            WriteSynced(Path.Combine(aside, State), JsonSerializer.Serialize(new CheckpointState(state.Step, state.BadInARow, new(state.Options), hashes) { Epoch = state.Epoch }, Form));
            if (Directory.Exists(target)) Directory.Delete(target, recursive: true);     // of a run that went another way; the ones before it remain
            Directory.Move(aside, target);
            DirectorySync.Flush(folder);
            WriteSynced(Path.Combine(folder, "latest.part"), name + "\n");
            File.Move(Path.Combine(folder, "latest.part"), Path.Combine(folder, "latest"), overwrite: true);
        }
        // a file that is too large for its file system arrives as the second one
        catch (Exception e) when (e is IOException or ArgumentOutOfRangeException or UnauthorizedAccessException)
        {
            try { Directory.Delete(aside, recursive: true); }
            catch (Exception again) when (again is IOException or UnauthorizedAccessException) { }                              // room for the next attempt, where it can be had
            throw new RefusedException($"{target}: could not be written ({e.Message}); the checkpoints before it are untouched", e);
        }
        foreach (var old in Directory.GetDirectories(folder, "step-*").Where(d => !d.EndsWith(Aside, StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal).Skip(Math.Max(1, keep))) Directory.Delete(old, recursive: true);
    }

    /// <summary>Puts the weights of a checkpoint into a model that no arena has taken over yet.</summary>
    internal static void LoadWeights(GraphModule model, string checkpoint) => ModelWeights.Load(model, Path.Combine(checkpoint, Model));

    /// <summary>Puts the moments and the step count of a checkpoint into an optimiser, and the average of the weights into one where the run keeps one.</summary>
    /// <exception cref="RefusedException">it belongs to another model</exception>
    internal static void LoadMoments(ParameterArena arena, IArenaOptimizer optimizer, ExponentialMovingAverage? average, string checkpoint)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        using (var file = SafetensorsFile.Open(Path.Combine(checkpoint, Optimizer)))
        {
            foreach (var spec in arena.Specs)
            {
                Copy(file, arena.View(arena.FirstMoment, spec.Name), "exp_avg." + spec.Name);
                Copy(file, arena.View(arena.SecondMoment, spec.Name), "exp_avg_sq." + spec.Name);
            }
            Copy(file, optimizer.StepCount, "step");
        }
        if (average is null) return;
        using (var file = SafetensorsFile.Open(Path.Combine(checkpoint, Average)))
            foreach (var spec in arena.Specs) Copy(file, arena.View(average.Weights, spec.Name), spec.Name);
        average.RefreshNarrow();

        void Copy(SafetensorsFile file, Tensor target, string name)
        {
            if (!file.Names.Contains(name) || !file.Shape(name).SequenceEqual(target.shape)) throw new RefusedException($"{checkpoint}: \"{name}\" is missing or of another shape");
            target.copy_(file.Read(name));
        }
    }

    /// <summary>Refuses to go on where an option that decides the mathematics has changed.</summary>
    /// <exception cref="UsageException">names the option and both values</exception>
    internal static void Compare(IReadOnlyDictionary<string, string> saved, IReadOnlyDictionary<string, string> given)
    {
        // in the order in which they are given: what others follow from comes first; an option that only some runs have is missing in the others
        foreach (var name in given.Keys.Union(saved.Keys))
            if (saved.GetValueOrDefault(name) is var before && given.GetValueOrDefault(name) is var value && before != value)
                throw new UsageException($"--{name} {Shown(value)}: the run that would go on was started {(before is null ? "without it" : $"with {Shown(before)}")}; give that, another --experiment, or --resume none to start anew");

        static string Shown(string? value) => value is { Length: > 0 } ? value : "none";
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static void WriteSynced(string path, string text)
    {
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write);
        stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }
}
