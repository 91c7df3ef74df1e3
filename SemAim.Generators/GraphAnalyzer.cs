using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using SemAim.Generators.Check;
using SemAim.Generators.Collections;
using SemAim.Generators.Diagnostics;
using SemAim.Generators.Emit;
using SemAim.Generators.Frontend;
using SemAim.Generators.Ir;
using SemAim.Generators.Link;

namespace SemAim.Generators;

/// <summary>Reports what the compiler finds, at the token that is wrong. Reads and checks with the same code as the generator.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class GraphAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc />
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => Descriptors.All;

    /// <inheritdoc />
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(static start =>
        {
            if (start.Compilation.GetTypeByMetadataName(DslNames.ModuleAttribute) is null) return;
            var modules = new Lazy<CompilationModules>(() => CompilationModules.Read(start.Compilation, start.CancellationToken));
            start.RegisterSymbolAction(symbol =>
            {
                var type = (INamedTypeSymbol)symbol.Symbol;
                if (!ModuleReader.Has(type, "ModuleAttribute"))
                {
                    // an attribute that C# cannot find may be this one
                    if (type.GetAttributes().Any(a => a.AttributeClass is null or { TypeKind: TypeKind.Error })) return;
                    foreach (var graph in type.GetMembers().OfType<IMethodSymbol>().Where(m => ModuleReader.Has(m, DslNames.Graph) && m.Locations.Length > 0))
                        symbol.ReportDiagnostic(Diagnostic.Create(Descriptors.Of("SEM0005"), graph.Locations[0], $"`{graph.Name}` is marked [Graph], but `{type.Name}` is not a [Module]"));
                    return;
                }
                if (type.IsRecord && type.TypeKind == TypeKind.Class)
                    symbol.ReportDiagnostic(Diagnostic.Create(Descriptors.Of("SEM0007"), type.Locations[0], $"module `{type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)}` is a record; a module is a plain top-level class"));
                if (!modules.Value.Units.TryGetValue(type.ToDisplayString(), out var read)) return;
                var checkedUnit = modules.Value.Checked(type.ToDisplayString());
                var findings = checkedUnit.Findings.ToList();
                // never silent: what was not read, though neither C# nor another module has an error, is a gap of ours and said so
                if (checkedUnit.Unread.Count > 0 && !findings.Any(f => Descriptors.IsError(f.Id)) && !PlainErrors.In(type, symbol.Compilation, symbol.CancellationToken) && !modules.Value.AnyError)
                    findings.AddRange(checkedUnit.Unread.Select(at => new Finding("SEM0020", "this graph holds an expression that cannot be part of a graph (allowed: operations of values, layers, graphs and sizes)", at)));
                if (!findings.Any(f => Descriptors.IsError(f.Id)))
                    findings.AddRange(ManifestChecker.Check(checkedUnit.Scope, Manifests(symbol.Options, symbol.CancellationToken)));
                foreach (var finding in findings)
                {
                    if (symbol.CancellationToken.IsCancellationRequested) return;
                    var location = modules.Value.Place(type.ToDisplayString(), finding.At, finding.Start, finding.Length) ?? type.Locations[0];
                    var additional = finding.Related.Select(r => modules.Value.Place(type.ToDisplayString(), r)).OfType<Location>();
                    var properties = finding.Fix.Length > 0 ? ImmutableDictionary<string, string?>.Empty.Add("fix", finding.Fix) : ImmutableDictionary<string, string?>.Empty;
                    symbol.ReportDiagnostic(Diagnostic.Create(Descriptors.Of(finding.Id), location, additional, properties, finding.Message));
                }
            }, SymbolKind.NamedType);
            start.RegisterAdditionalFileAction(file =>
            {
                var path = file.AdditionalFile.Path;
                if (!path.EndsWith(ManifestChecker.Extension, StringComparison.Ordinal)) return;
                if (ManifestChecker.Stranger(System.IO.Path.GetFileName(path), [.. modules.Value.Units.Values.SelectMany(u => u.Unit.Variants).Select(v => v.Name).Distinct()]) is { } message)
                    file.ReportDiagnostic(Diagnostic.Create(Descriptors.Of("SEM0604"), Location.Create(path, default, default), message));
            });
        });
    }

    private static IEnumerable<(string, string)> Manifests(AnalyzerOptions options, CancellationToken cancel)
        => options.AdditionalFiles.Where(f => f.Path.EndsWith(ManifestChecker.Extension, StringComparison.Ordinal)).Select(f => (System.IO.Path.GetFileName(f.Path), f.GetText(cancel)?.ToString() ?? ""));

    private sealed record CompilationModules(Compilation Compilation, IReadOnlyDictionary<string, (ModuleUnit Unit, SpanTable Spans)> Units, EquatableArray<ModuleContract> Contracts)
    {
        private readonly ConcurrentDictionary<string, Lazy<CheckedUnit>> judged = new();

        /// <summary>What the compiler finds in a module; once, whoever asks.</summary>
        internal CheckedUnit Checked(string module) => judged.GetOrAdd(module, name => new(() => ModuleCompiler.Check(LinkedUnit.Of(Units[name].Unit, Contracts)))).Value;

        /// <summary>True where any module has an error.</summary>
        internal bool AnyError => Units.Keys.Any(name => Checked(name).Error is not null);

        /// <summary>A numbered place of a module; null where it has none.</summary>
        internal Location? Place(string module, int at, int start = -1, int length = 0)
            => Units.TryGetValue(module, out var read) && read.Spans[at] is { SyntaxTree: { } tree } place ? Location.Create(tree, LiteralSpans.Of(place, start, length, Compilation)) : null;

        /// <summary>A declaration that a finding speaks of; null where it is in another assembly.</summary>
        internal Location? Place(string module, Related related)
        {
            if (related.Module.Length > 0) module = related.Module;
            if (!Units.TryGetValue(module, out var read)) return null;
            var name = related.Name.Split('.');
            var graph = read.Unit.Graphs.FirstOrDefault(g => g.Name == name[0]);
            return Place(module, related.Kind switch
            {
                RelatedKind.Layer => read.Unit.Layers.FirstOrDefault(l => l.Field == related.Name)?.Id ?? 0,
                RelatedKind.Fact => int.TryParse(related.Name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var n) && n >= 0 && n < read.Unit.Facts.Count ? read.Unit.Facts[n].Id : 0,
                RelatedKind.Parameter => graph?.Parameters.FirstOrDefault(p => p.Name == name[1])?.Shape?.Id ?? 0,
                _ => graph is { Results.Count: > 0 } ? graph.Results[name.Length > 1 && int.TryParse(name[1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var i) && i < graph.Results.Count ? i : 0].Id : 0,
            });
        }

        internal static CompilationModules Read(Compilation compilation, CancellationToken cancel)
        {
            var units = new Dictionary<string, (ModuleUnit, SpanTable)>();
            foreach (var type in Types(compilation.Assembly.GlobalNamespace).Where(t => t is { TypeKind: TypeKind.Class, IsRecord: false } && ModuleReader.Has(t, "ModuleAttribute") && t.DeclaringSyntaxReferences.Length > 0))
                units[type.ToDisplayString()] = ModuleReader.Read(type, compilation, cancel);
            return new(compilation, units, Link.Contracts.Of(units.Values.Select(u => u.Item1)));
        }

        private static IEnumerable<INamedTypeSymbol> Types(INamespaceOrTypeSymbol space)
        {
            foreach (var member in space.GetMembers())
                if (member is INamespaceOrTypeSymbol inner)
                {
                    if (inner is INamedTypeSymbol type) yield return type;
                    foreach (var t in Types(inner)) yield return t;
                }
        }
    }
}
