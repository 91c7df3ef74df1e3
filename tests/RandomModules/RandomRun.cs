using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using SemAim.Dsl;
using SemAim.Generators;
using SemAim.Mutation;

namespace SemAim.RandomModules;

/// <summary>Judges random programs, many in one compilation.</summary>
/// <param name="trials">draws of sizes at which the specification runs</param>
/// <param name="codeTrials">draws of sizes at which what was emitted runs beside it</param>
internal sealed partial class RandomRun(int trials, int codeTrials)
{
    private const int Seed = 20240229;

    /// <summary>Programs that are no C#, with what is wrong with them: the generator's own faults.</summary>
    internal List<(RandomProgram Program, string Error)> NoCSharp { get; } = [];

    /// <summary>The programs that are C#, judged.</summary>
    internal List<JudgedProgram> Judge(IReadOnlyList<RandomProgram> programs)
    {
        var able = CSharp(programs);
        if (able.Count == 0) return [];
        var author = AuthorAssembly.Of(able.Select(p => (p.Name + ".cs", p.Text)));
        var said = Said(author.Compilation, able);
        if (said is null) return able.Count == 1 ? [new(able[0], [], null, false, null, null, "the analyzer threw")] : [.. able.SelectMany(p => Judge([p]))];
        var faults = new Dictionary<string, string>();
        var image = Emitted(author.Compilation, faults);
        return Run(author, image, able, said, faults);
    }

    private List<RandomProgram> CSharp(IReadOnlyList<RandomProgram> programs)
    {
        var errors = AuthorAssembly.Of(programs.Select(p => (p.Name + ".cs", p.Text))).Compilation.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error).GroupBy(d => d.Location.SourceTree?.FilePath ?? "").ToDictionary(g => g.Key, g => g.First().ToString());
        foreach (var p in programs)
            if (errors.TryGetValue(p.Name + ".cs", out var error)) NoCSharp.Add((p, error));
        return [.. programs.Where(p => !errors.ContainsKey(p.Name + ".cs"))];
    }

    // null where the analyzer threw
    private static Dictionary<string, List<Said>>? Said(CSharpCompilation compilation, IReadOnlyList<RandomProgram> programs)
    {
        var found = compilation.WithAnalyzers([new GraphAnalyzer()]).GetAnalyzerDiagnosticsAsync().GetAwaiter().GetResult();
        if (found.Any(d => d.Id == "AD0001")) return null;
        var said = programs.ToDictionary(p => p.Name, _ => new List<Said>());
        foreach (var d in found.Where(d => d.Severity == DiagnosticSeverity.Error).OrderBy(d => d.Location.SourceSpan.Start))
            said[d.Location.SourceTree!.FilePath[..^3]].Add(new(d.Id, d.GetMessage(), d.Location.SourceSpan.Start, d.Location.SourceSpan.End));
        return said;
    }

    // the programs with their generated parts; those that keep the others from being compiled are left out
    private static byte[]? Emitted(CSharpCompilation compilation, Dictionary<string, string> faults)
    {
        while (compilation.SyntaxTrees.Any(t => Program().IsMatch(t.FilePath)))
        {
            CSharpGeneratorDriver.Create([new ModuleGenerator().AsSourceGenerator()], parseOptions: (CSharpParseOptions)compilation.SyntaxTrees.First().Options).RunGeneratorsAndUpdateCompilation(compilation, out var whole, out var threw);
            using var image = new MemoryStream();
            var result = whole.Emit(image);
            if (result.Success && threw.IsEmpty) return image.ToArray();
            var errors = result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Concat(threw).ToList();
            var broken = errors.Select(d => Program().Match(d.Location.SourceTree?.FilePath ?? "").Value).Where(n => n.Length > 0).Distinct().ToList();
            if (broken.Count == 0) broken = [.. compilation.SyntaxTrees.Select(t => Program().Match(t.FilePath).Value).Where(n => n.Length > 0)];
            foreach (var name in broken) faults[name] = "emitted code: " + (errors.FirstOrDefault(d => Program().Match(d.Location.SourceTree?.FilePath ?? "").Value == name) ?? errors[0]);
            compilation = compilation.RemoveSyntaxTrees(compilation.SyntaxTrees.Where(t => broken.Contains(Program().Match(t.FilePath).Value)));
        }
        return null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private List<JudgedProgram> Run(AuthorAssembly author, byte[]? image, IReadOnlyList<RandomProgram> programs, Dictionary<string, List<Said>> said, Dictionary<string, string> faults)
    {
        var (written, context) = author.Load()!.Value;
        var emitted = new AssemblyLoadContext(null, isCollectible: true);
        var compiled = image is null ? null : emitted.LoadFromStream(new MemoryStream(image));
        var judged = new List<JudgedProgram>();
        foreach (var program in programs)
        {
            var (failure, untried) = Failure(Modules(written, program));
            var errors = said[program.Name];
            var leak = failure is null && errors.Any(e => e.Id == "SEM0219") ? Modules(written, program).Select(m => new SpecificationTruth(Seed).Leak(m, trials)).FirstOrDefault(l => l is not null) : null;
            var difference = errors.Count == 0 && failure is null && compiled is not null ? Modules(compiled, program).Select(Difference).FirstOrDefault(d => d is not null) : null;
            judged.Add(new(program, errors, failure, untried, leak, difference, faults.GetValueOrDefault(program.Name)));
        }
        context.Unload();
        emitted.Unload();
        return judged;
    }

    private (string? Failure, bool IsUntried) Failure(IEnumerable<Type> modules)
    {
        var untried = false;
        foreach (var module in modules)
        {
            var truth = new SpecificationTruth(Seed);
            if (truth.Failure(module, trials) is { } failure)
            {
                if (!IsGuarded(failure)) return (failure, false);
                untried = true;
            }
            untried |= truth.IsUntried;
        }
        return (null, untried);
    }

    // a size of 0 that nothing excludes is refused when the module is made (docs/compiler.md, Sizes)
    private static bool IsGuarded(string failure) => failure.Contains("a size must be at least 1", StringComparison.Ordinal);

    private string? Difference(Type module)
    {
        try { return new CodeTruth(Seed, anyArithmetic: true).Difference(module, codeTrials); }
        catch (TargetInvocationException e) when (IsGuarded(e.InnerException!.Message)) { return null; }
        catch (Exception e) when (e is TargetInvocationException or ArgumentException or System.Runtime.InteropServices.ExternalException) { return $"{module.Name}: {(e.InnerException ?? e).Message.Split('\n')[0]}"; }
    }

    private static IEnumerable<Type> Modules(Assembly assembly, RandomProgram program)
        => assembly.GetTypes().Where(t => t.Namespace == program.Name && t.GetCustomAttributes(typeof(ModuleAttribute), false).Length > 0).OrderBy(t => t.Name, StringComparer.Ordinal);

    /// <summary>One line a kind of slip, and the totals.</summary>
    internal static string Table(IReadOnlyList<JudgedProgram> all)
    {
        var lines = new List<string> { $"{"",-34} programs  caught  accepted  unproven   by rule  false alarm  missed  broken  untried  cascades  at it  elsewhere" };
        string Line(string name, IReadOnlyList<JudgedProgram> of) => $"{name,-34} {of.Count,8} {of.Count(p => p.Mutant.IsCaught),7} {of.Count(p => p.Mutant.IsAccepted && !p.IsMissed),9} {of.Count(p => p.Mutant.IsUnproven),9} {of.Count(p => p.Mutant.IsByRule),9} {of.Count(p => p.IsFalseAlarm),12} {of.Count(p => p.IsMissed),7} {of.Count(p => p.Fault is not null),7} {of.Count(p => p.IsUntried),8} {of.Count(p => p.IsCascade),9} {of.Count(p => p.IsAtSlip),6} {of.Count(p => p.IsElsewhere),10}";
        foreach (var group in all.GroupBy(p => p.Program.Slip ?? "right by construction").OrderBy(g => g.Key != "right by construction").ThenBy(g => g.Key, StringComparer.Ordinal)) lines.Add(Line(group.Key, [.. group]));
        lines.Add(Line("all", all));
        return string.Join("\n", lines);
    }

    [GeneratedRegex(@"(?<![A-Za-z0-9])R\d+(?=\.)")]
    private static partial Regex Program();
}
