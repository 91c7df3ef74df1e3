using System.Linq;
using System.Text;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using SemAim.Generators.Collections;
using SemAim.Generators.Emit;
using SemAim.Generators.Frontend;
using SemAim.Generators.Ir;
using SemAim.Generators.Link;

namespace SemAim.Generators;

/// <summary>Compiles declared modules. Only data crosses a step, so an edit costs what it changes (docs/compiler.md).</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModuleGenerator : IIncrementalGenerator
{
    /// <inheritdoc />
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        // a name and what it is read from: an edit that no module's meaning can hang on is equal to what was there, and ends here
        var sources = context.CompilationProvider.Combine(context.AnalyzerConfigOptionsProvider.Select(static (provider, _) => Properties.Read(provider.GlobalOptions)))
            .Select(static (pair, _) => new Sources(pair.Left, pair.Right)).WithTrackingName(TrackingNames.Sources);
        var declared = context.SyntaxProvider.ForAttributeWithMetadataName(DslNames.ModuleAttribute, static (node, _) => node is ClassDeclarationSyntax, static (match, _) => ModuleReader.MetadataName((INamedTypeSymbol)match.TargetSymbol));
        // positions go further only where they are asked for: else an edit above a module would recompile it
        var asked = declared.Combine(sources).Select(static (pair, cancel) => Read(pair.Left, pair.Right, cancel)).Where(static unit => unit is not null).Select(static (unit, _) => unit!).WithTrackingName(TrackingNames.Parse);
        var units = asked.Select(static (pair, _) => pair.Unit).Collect().Select(static (all, _) => new UnitList(all.ToEquatable()));
        var contracts = units.Select(static (all, _) => new ContractList(Contracts.Of(all.Units))).WithTrackingName(TrackingNames.Signatures);
        var linked = asked.Combine(contracts).Select(static (pair, _) => LinkedUnit.Of(pair.Left.Unit, pair.Right.Contracts) with { Options = pair.Left.Options }).WithTrackingName(TrackingNames.Link);
        var compiled = linked.Select(static (unit, _) => ModuleCompiler.Compile(unit)).WithTrackingName(TrackingNames.Compile);
        var priced = units.Combine(contracts).Select(static (pair, _) => new ContractList(Pricing.Of(pair.Left.Units, pair.Right.Contracts))).WithTrackingName(TrackingNames.Price);
        var files = compiled.Combine(priced).Select(static (pair, _) => new OutputFile(pair.Left.HintName, pair.Left.Publish(pair.Right.Contracts))).WithTrackingName(TrackingNames.Emit);
        context.RegisterSourceOutput(files, static (output, file) =>
        {
            if (file.Text is not null) output.AddSource(file.HintName, SourceText.From(file.Text, Encoding.UTF8));
        });
    }

    private static AskedUnit? Read(string name, Sources sources, CancellationToken cancel)
    {
        if (sources.Compilation.Assembly.GetTypeByMetadataName(name) is not { } type) return null;
        var (unit, spans) = ModuleReader.Read(type, sources.Compilation, cancel);
        var options = sources.Options;
        return new(unit, new CompilerOptions(options.Trace, options.WithoutPass, options.LineDirectives ? SourcePlaces.Of(spans) : LineMap.None));
    }

    // What crosses a step is a class: for every struct the runtime compiles the driver's tables anew, which costs a compiler that has just started more than the step.
    private sealed record AskedUnit(ModuleUnit Unit, CompilerOptions Options);

    private sealed record UnitList(EquatableArray<ModuleUnit> Units);

    private sealed record ContractList(EquatableArray<ModuleContract> Contracts);

    private sealed record OutputFile(string HintName, string? Text);
}
