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
                return (Unit: unit, Places: SourcePlaces.Of(spans));
            });
        // positions go further only where they are asked for: else an edit above a module would recompile it
        var asked = read.Combine(options).Select(static (pair, _) => (pair.Left.Unit, Options: new CompilerOptions(pair.Right.Trace, pair.Right.WithoutPass, pair.Right.LineDirectives ? pair.Left.Places.Lines() : LineMap.None)))
            .WithTrackingName(TrackingNames.Parse);
        var units = asked.Select(static (pair, _) => pair.Unit);
        var contracts = units.Collect().Select(static (all, _) => Contracts.Of(all)).WithTrackingName(TrackingNames.Signatures);
        var linked = asked.Combine(contracts).Select(static (pair, _) => LinkedUnit.Of(pair.Left.Unit, pair.Right) with { Options = pair.Left.Options }).WithTrackingName(TrackingNames.Link);
        var compiled = linked.Select(static (unit, _) => ModuleCompiler.Compile(unit)).WithTrackingName(TrackingNames.Compile);
        var priced = units.Collect().Combine(contracts).Select(static (pair, _) => Pricing.Of(pair.Left, pair.Right)).WithTrackingName(TrackingNames.Price);
        var files = compiled.Combine(priced).Select(static (pair, _) => (pair.Left.HintName, Text: pair.Left.Publish(pair.Right))).WithTrackingName(TrackingNames.Emit);
        context.RegisterSourceOutput(files, static (output, file) =>
        {
            if (file.Text is not null) output.AddSource(file.HintName, SourceText.From(file.Text, Encoding.UTF8));
        });
    }

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
