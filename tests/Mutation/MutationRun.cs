using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SemAim.Dsl;

namespace SemAim.Mutation;

/// <summary>A slip, what the compiler says of it, and what running the specification says.</summary>
internal sealed record Mutant(string Operator, string File, string Text, IReadOnlyList<(string Id, string Message)> Refusals, string? Failure, bool IsUntried = false, string? Leak = null)
{
    /// <summary>Ids of the errors.</summary>
    internal IReadOnlyList<string> Ids { get; } = [.. Refusals.Select(r => r.Id).Distinct()];

    /// <summary>It keeps its contract at all sizes tried, each of its modules at some.</summary>
    private bool Holds => Failure is null && !IsUntried;

    /// <summary>It runs wrong somewhere and is accepted: what must never be.</summary>
    internal bool IsMissed => Ids.Count == 0 && Failure is not null;

    /// <summary>Refused for what is wrong.</summary>
    internal bool IsCaught => Ids.Count > 0 && Failure is not null;

    /// <summary>It keeps its contract at all sizes tried, and is accepted.</summary>
    internal bool IsAccepted => Ids.Count == 0 && Holds;

    /// <summary>It keeps its contract at all sizes tried, and is refused because a promise is missing that would prove it, or by a rule about how models are written, not about shapes.</summary>
    internal bool IsUnproven => Ids.Count > 0 && Holds && Ids.All(id => id is "SEM0121" or "SEM0120" or "SEM0111" or "SEM0210" || id is "SEM0020" or "SEM0030" or "SEM0031" or "SEM0110" or "SEM0214" or "SEM0216" or "SEM0217" or "SEM0504");

    /// <summary>
    /// Refused by a rule that running the module cannot show: a pattern names a size that the axis does not have (the specification takes names by position), a call breaks its callee's contract
    /// (the specification of the callee runs all the same), values without a common reading broadcast by luck (SEM0204), or draws do not belong to samples (SEM0219): of no size, but a training run
    /// must show it, <see cref="Leak"/>.
    /// </summary>
    internal bool IsByRule => Ids.Count > 0 && Holds && !IsUnproven
        && Refusals.All(r => r.Id == "SEM0204" || r.Id == "SEM0219" && Leak is not null || r.Id is "SEM0201" or "SEM0301" && (r.Message.Contains("\" says ", StringComparison.Ordinal) || r.Message.Contains(" wants ", StringComparison.Ordinal)));

    /// <summary>It keeps its contract at all sizes tried, and is called wrong.</summary>
    internal bool IsFalseAlarm => Ids.Count > 0 && Holds && !IsUnproven && !IsByRule;
}

/// <summary>Mutates declared modules and judges each mutant twice.</summary>
internal static class MutationRun
{
    private const int Harder = 10;

    /// <summary>The declared modules: those of SemAim.Models as one assembly, and each right source of the corpus as one.</summary>
    internal static IEnumerable<(string Name, IReadOnlyList<(string Path, string Text)> Files)> Sets(string root)
    {
        var models = Path.Combine(root, "SemAim.Models");
        // what only calls generated overloads is no declaration
        yield return ("SemAim.Models", [.. Directory.EnumerateFiles(models, "*.cs", SearchOption.AllDirectories)
            .Select(f => (Path: Path.GetRelativePath(models, f).Replace('\\', '/'), Text: WithoutInternals(File.ReadAllText(f))))
            .Where(f => !f.Path.StartsWith("obj/", StringComparison.Ordinal) && !f.Path.StartsWith("bin/", StringComparison.Ordinal) && f.Text.Contains("[Module]", StringComparison.Ordinal)).OrderBy(f => f.Path, StringComparer.Ordinal)]);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(root, "tests", "corpus", "right"), "*.cs.txt").Order(StringComparer.Ordinal))
            yield return (Path.GetFileName(file)[..^7], [(Path.GetFileName(file)[..^4], File.ReadAllText(file))]);
    }

    // methods beside the graphs that reach into the runtime, which shows them to SemAim.Models alone
    private static string WithoutInternals(string source)
    {
        var root = CSharpSyntaxTree.ParseText(source).GetRoot();
        var reaching = root.DescendantNodes().OfType<MethodDeclarationSyntax>().Where(m => m.DescendantNodes().OfType<IdentifierNameSyntax>().Any(n => n.Identifier.Text == "Slots"));
        return root.RemoveNodes(reaching, SyntaxRemoveOptions.KeepNoTrivia)!.ToFullString();
    }

    /// <summary>All mutants of all sets, in a fixed order.</summary>
    internal static IEnumerable<(string Set, IReadOnlyList<(string Path, string Text)> Files, string Operator, string Path, string Text)> Mutants(string root)
        => from set in Sets(root)
           from op in MutationOperators.All
           from file in set.Files
           where file.Text.Contains("[Graph", StringComparison.Ordinal)
           from text in op.Apply(file.Text)
           select (set.Name, set.Files, op.Name, file.Path, text);

    /// <summary>Judges one mutant; null where it is no C#.</summary>
    internal static Mutant? Judge(AuthorAssembly original, string op, string path, string text, int trials)
    {
        var assembly = original.With(path, text);
        var failure = "";
        var untried = false;
        var context = Truth(assembly, text, trials, ref failure, ref untried);
        if (context is null) return null;
        var refusals = assembly.Refused();
        // what is refused and holds is tried harder: an axis that must be 1 was 1 by luck
        if (failure is null && refusals.Count > 0) Truth(assembly, text, Harder * trials, ref failure, ref untried);
        var leak = failure is null && refusals.Any(r => r.Id == "SEM0219") ? Leak(original, assembly, text, trials) : null;
        return new(op, path, text, refusals, failure, untried && failure is null, leak);
    }

    // of a module whose samples do not reach each other before the slip
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string? Leak(AuthorAssembly original, AuthorAssembly mutant, string text, int trials)
    {
        var ((before, first), (after, second)) = (original.Load()!.Value, mutant.Load()!.Value);
        string? Of(Type module) => new SpecificationTruth(20240229).Leak(module, trials);
        var leak = Changed(after, text).Where(m => before.GetType(m.FullName!) is { } same && Of(same) is null).Select(Of).FirstOrDefault(l => l is not null);
        first.Unload();
        second.Unload();
        return leak;
    }

    /// <summary>Runs all modules that the file declares and all that use them.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object? Truth(AuthorAssembly assembly, string text, int trials, ref string? failure, ref bool untried)
    {
        if (assembly.Load() is not var (loaded, context)) return null;
        failure = null;
        foreach (var m in Changed(loaded, text))
        {
            var truth = new SpecificationTruth(20240229);
            failure = truth.Failure(m, trials);
            untried |= truth.IsUntried;
            if (failure is not null) break;
        }
        context.Unload();
        return context;
    }

    private static IEnumerable<Type> Changed(System.Reflection.Assembly loaded, string text)
    {
        var modules = loaded.GetTypes().Where(t => t.GetCustomAttributes(typeof(ModuleAttribute), false).Length > 0).ToList();
        var changed = modules.Where(m => text.Contains($"class {m.Name}(", StringComparison.Ordinal)).ToHashSet();
        for (var count = 0; count != changed.Count;)
        {
            count = changed.Count;
            foreach (var m in modules)
                if (m.GetFields(System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic).Any(f => changed.Contains(f.FieldType) || f.FieldType.IsGenericType && f.FieldType.GenericTypeArguments.Any(changed.Contains))) changed.Add(m);
        }
        return modules.Where(changed.Contains);
    }

    /// <summary>One line an operator, and the totals.</summary>
    internal static string Table(IReadOnlyList<Mutant> mutants)
    {
        var lines = new List<string> { $"{"operator",-34} mutants  caught  accepted  unproven   by rule  false alarm  missed  untried" };
        string Line(string name, IReadOnlyList<Mutant> of) => $"{name,-34} {of.Count,7} {of.Count(m => m.IsCaught),7} {of.Count(m => m.IsAccepted),9} {of.Count(m => m.IsUnproven),9} {of.Count(m => m.IsByRule),9} {of.Count(m => m.IsFalseAlarm),12} {of.Count(m => m.IsMissed),7} {of.Count(m => m.IsUntried),8}";
        foreach (var group in mutants.GroupBy(m => m.Operator)) lines.Add(Line(group.Key, [.. group]));
        lines.Add(Line($"all ({mutants.Select(m => m.Operator).Distinct().Count()} operators)", mutants));
        return string.Join("\n", lines);
    }
}
