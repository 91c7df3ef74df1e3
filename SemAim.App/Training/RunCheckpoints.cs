using System.Security.Cryptography;
using System.Text.Json;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>What a checkpoint says besides its tensors.</summary>
/// <param name="Step">optimiser steps done</param>
/// <param name="BadInARow">non-finite steps at the end of those</param>
/// <param name="Options">every option that decides the mathematics, as text</param>
/// <param name="Sha256">of the other files, by name</param>
internal sealed record CheckpointState(long Step, int BadInARow, Dictionary<string, string> Options, Dictionary<string, string> Sha256);

/// <summary>
/// Checkpoints of a run: folders <c>step-00000120</c> that exist only when they are whole. A folder is written aside under a name that is
/// never read, and renamed; <c>latest</c> names the newest.
/// </summary>
/// <param name="folder">the run's <c>checkpoints</c> folder</param>
/// <param name="keep">how many stay; older ones are deleted after a new one is whole</param>
internal sealed class RunCheckpoints(string folder, int keep = 2)
{
    private const string Model = "model.safetensors", Optimizer = "optimizer.safetensors", State = "state.json", Aside = ".part";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>The newest checkpoint that is whole and undamaged, or null. Damaged ones are named to <paramref name="tell"/> and passed over.</summary>
    internal (string Folder, CheckpointState State)? Newest(Action<string> tell)
    {
        if (!Directory.Exists(folder)) return null;
        foreach (var candidate in Directory.GetDirectories(folder, "step-*").Where(d => !d.EndsWith(Aside, StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal))
        {
            try { return (candidate, Read(candidate)); }
            catch (RefusedException e) { tell($"passed over a damaged checkpoint: {e.Message}"); }
        }
        return null;
    }

    /// <summary>Reads and verifies a checkpoint folder.</summary>
    /// <exception cref="RefusedException">a file is missing, malformed or has another hash</exception>
    internal static CheckpointState Read(string checkpoint)
    {
        try
        {
            var state = JsonSerializer.Deserialize<CheckpointState>(File.ReadAllText(Path.Combine(checkpoint, State)));
            if (state?.Options is null || state.Sha256 is null || state.Step < 0) throw new RefusedException($"{checkpoint}: {State} is incomplete");
            foreach (var name in new[] { Model, Optimizer })
                if (!state.Sha256.TryGetValue(name, out var hash) || hash != Hash(Path.Combine(checkpoint, name))) throw new RefusedException($"{checkpoint}: {name} is not the file that was written (its sha256 differs)");
            return state;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new RefusedException($"{checkpoint}: no whole checkpoint: {e.Message}", e);
        }
    }

    /// <summary>Writes a checkpoint; the previous one stays until the new one is whole.</summary>
    /// <exception cref="RefusedException">the disk does not take it; older checkpoints are untouched</exception>
    internal void Save(AimViT model, ParameterArena arena, ArenaAdamW optimizer, long step, int badInARow, IReadOnlyDictionary<string, string> options)
    {
        var name = $"step-{step:D8}";
        var (target, aside) = (Path.Combine(folder, name), Path.Combine(folder, name + Aside));
        try
        {
            foreach (var rest in Directory.Exists(folder) ? Directory.GetDirectories(folder, "*" + Aside) : []) Directory.Delete(rest, recursive: true);
            Directory.CreateDirectory(aside);
            ModelWeights.Save(model, Path.Combine(aside, Model));
            using (NewDisposeScope())
            {
                var moments = arena.Specs.SelectMany(s => new[] { KeyValuePair.Create("exp_avg." + s.Name, arena.View(arena.FirstMoment, s.Name)), KeyValuePair.Create("exp_avg_sq." + s.Name, arena.View(arena.SecondMoment, s.Name)) });
                SafetensorsWriter.Write(Path.Combine(aside, Optimizer), moments.Append(KeyValuePair.Create("step", optimizer.StepCount)));
            }
            var state = new CheckpointState(step, badInARow, new(options), new[] { Model, Optimizer }.ToDictionary(f => f, f => Hash(Path.Combine(aside, f))));
            WriteSynced(Path.Combine(aside, State), JsonSerializer.Serialize(state, Indented));
            if (Directory.Exists(target)) Directory.Delete(target, recursive: true);     // of a run that went another way; the ones before it remain
            Directory.Move(aside, target);
            WriteSynced(Path.Combine(folder, "latest.part"), name + "\n");
            File.Move(Path.Combine(folder, "latest.part"), Path.Combine(folder, "latest"), overwrite: true);
        }
        catch (IOException e)
        {
            throw new RefusedException($"{target}: could not be written ({e.Message}); the checkpoints before it are untouched", e);
        }
        foreach (var old in Directory.GetDirectories(folder, "step-*").OrderDescending(StringComparer.Ordinal).Skip(Math.Max(1, keep))) Directory.Delete(old, recursive: true);
    }

    /// <summary>Puts the weights of a checkpoint into a model that no arena has taken over yet.</summary>
    internal static void LoadWeights(AimViT model, string checkpoint) => ModelWeights.Load(model, Path.Combine(checkpoint, Model));

    /// <summary>Puts the moments and the step count of a checkpoint into an optimiser.</summary>
    /// <exception cref="RefusedException">it belongs to another model</exception>
    internal static void LoadMoments(ParameterArena arena, ArenaAdamW optimizer, string checkpoint)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var path = Path.Combine(checkpoint, Optimizer);
        using var file = SafetensorsFile.Open(path);
        void Copy(Tensor target, string name)
        {
            if (!file.Names.Contains(name) || !file.Shape(name).SequenceEqual(target.shape)) throw new RefusedException($"{path}: \"{name}\" is missing or of another shape");
            target.copy_(file.Read(name));
        }
        foreach (var spec in arena.Specs)
        {
            Copy(arena.View(arena.FirstMoment, spec.Name), "exp_avg." + spec.Name);
            Copy(arena.View(arena.SecondMoment, spec.Name), "exp_avg_sq." + spec.Name);
        }
        Copy(optimizer.StepCount, "step");
    }

    /// <summary>Refuses to go on where an option that decides the mathematics has changed.</summary>
    /// <exception cref="UsageException">names the option and both values</exception>
    internal static void Compare(IReadOnlyDictionary<string, string> saved, IReadOnlyDictionary<string, string> given)
    {
        foreach (var (name, value) in given)
            if (saved.GetValueOrDefault(name) is var before && before != value)
                throw new UsageException($"--{name} {value}: the run that would go on was started with {before ?? "another version of the program"}; give that, another --experiment, or --resume none to start anew");
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
