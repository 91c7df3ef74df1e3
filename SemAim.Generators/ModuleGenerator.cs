using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using SemAim.Generators.Collections;
using SemAim.Generators.Emit;
using SemAim.Generators.Frontend;
using SemAim.Generators.Link;

namespace SemAim.Generators;

/// <summary>Compiles declared modules. Only data crosses a step, so an edit costs what it changes (docs/compiler.md).</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModuleGenerator : IIncrementalGenerator
{
    /// <inheritdoc />
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var units = context.SyntaxProvider.ForAttributeWithMetadataName(DslNames.ModuleAttribute,
                static (node, _) => node is ClassDeclarationSyntax,
                static (match, cancel) => ModuleReader.Read((INamedTypeSymbol)match.TargetSymbol, match.SemanticModel.Compilation, cancel).Unit)
            .WithTrackingName(TrackingNames.Parse);
        var contracts = units.Collect().Select(static (all, _) => Contracts.Of(all)).WithTrackingName(TrackingNames.Signatures);
        var linked = units.Combine(contracts).Select(static (pair, _) => LinkedUnit.Of(pair.Left, pair.Right)).WithTrackingName(TrackingNames.Link);
        var compiled = linked.Select(static (unit, _) => ModuleCompiler.Compile(unit)).WithTrackingName(TrackingNames.Compile);
        var files = compiled.Select(static (unit, _) => (unit.HintName, unit.Text)).WithTrackingName(TrackingNames.Emit);
        context.RegisterSourceOutput(files, static (output, file) =>
        {
            if (file.Text is not null) output.AddSource(file.HintName, SourceText.From(file.Text, Encoding.UTF8));
        });
    }
}
