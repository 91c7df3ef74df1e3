using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
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
        var options = context.AnalyzerConfigOptionsProvider.Select(static (provider, _) => Properties.Read(provider.GlobalOptions));
        var read = context.SyntaxProvider.ForAttributeWithMetadataName(DslNames.ModuleAttribute,
            static (node, _) => node is ClassDeclarationSyntax,
            static (match, cancel) =>
            {
                var (unit, spans) = ModuleReader.Read((INamedTypeSymbol)match.TargetSymbol, match.SemanticModel.Compilation, cancel, match.SemanticModel);
                return new ReadUnit(unit, SourcePlaces.Of(spans));
            });
        // positions go further only where they are asked for: else an edit above a module would recompile it
        var asked = read.Combine(options).Select(static (pair, _) => new AskedUnit(pair.Left.Unit, new CompilerOptions(pair.Right.Trace, pair.Right.WithoutPass, pair.Right.LineDirectives ? pair.Left.Places.Lines() : LineMap.None)))
            .WithTrackingName(TrackingNames.Parse);
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

    // What crosses a step is a class: for every struct the runtime compiles the driver's tables anew, which costs a compiler that has just started more than the step.
    private sealed record ReadUnit(ModuleUnit Unit, SourcePlaces Places);

    private sealed record AskedUnit(ModuleUnit Unit, CompilerOptions Options);

    private sealed record UnitList(EquatableArray<ModuleUnit> Units);

    private sealed record ContractList(EquatableArray<ModuleContract> Contracts);

    private sealed record OutputFile(string HintName, string? Text);

    private sealed record Properties(bool LineDirectives, bool Trace, string? WithoutPass)
    {
        internal static Properties Read(AnalyzerConfigOptions options)
        {
            string? Value(string name) => options.TryGetValue("build_property." + name, out var value) && value.Length > 0 ? value : null;
            bool Flag(string name) => string.Equals(Value(name), "true", System.StringComparison.OrdinalIgnoreCase);
            return new(Flag("SemAimLineDirectives"), Flag("SemAimTrace"), Value("SemAimWithoutPass"));
        }
    }
}
