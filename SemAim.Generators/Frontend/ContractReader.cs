using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Reads the contract of a module of another assembly from its attributes: sizes, facts, signatures and what its generated part published.</summary>
internal static class ContractReader
{
    private const string DrawingOnDevice = "draws-on-device";

    internal static ModuleContract Read(INamedTypeSymbol module)
    {
        // the primary constructor is the longest one; its parameter names are the sizes
        var constructor = module.InstanceConstructors.OrderByDescending(c => c.Parameters.Length).FirstOrDefault();
        var sizes = (constructor?.Parameters ?? []).Where(p => p.Type.SpecialType == SpecialType.System_Int32).Select(p => p.Name).ToEquatable();
        var members = ModuleReader.Attributes(module, DslNames.GraphSize).Where(a => a.ConstructorArguments.Length == 2)
            .Select(a => new SizeMember(0, (string)a.ConstructorArguments[0].Value!, SizeText.Parse((string)a.ConstructorArguments[1].Value!) ?? new Expr.Broken(0))).ToEquatable();
        var facts = ModuleReader.Attributes(module, DslNames.Require)
            .Select(a => new Fact(0, a.ConstructorArguments[0].Value as string ?? "", a.NamedArguments.FirstOrDefault(n => n.Key == "Because").Value.Value as string)).ToEquatable();
        var summaries = new Dictionary<string, GraphSummary>();
        foreach (var a in ModuleReader.Attributes(module, DslNames.GraphSummary).Where(a => a.ConstructorArguments.Length == 2))
            summaries[(string)a.ConstructorArguments[0].Value!] = Summary(a);
        var weights = ModuleReader.Attributes(module, DslNames.GraphWeight).Where(a => a.ConstructorArguments.Length == 2)
            .Select(a => new WeightEntry((string)a.ConstructorArguments[0].Value!, (string)a.ConstructorArguments[1].Value!, Named(a, "Constant") is not true, Named(a, "Products") is true)).ToEquatable();
        var graphs = module.GetMembers().OfType<IMethodSymbol>().Where(m => ModuleReader.Has(m, DslNames.Graph)).Select(m =>
        {
            return new GraphContract(m.Name, m.Parameters.Select(p => Parameter(p)).ToEquatable(), Results(m), summaries.TryGetValue(m.Name, out var summary) ? Drawing(summary, module, m.Name) : GraphSummary.Unknown);
        }).ToEquatable();
        return new(module.ToDisplayString(), true, true, sizes, members, facts, graphs, Weights: weights);
    }

    // what draws in training takes the numbers; without a place for them it makes its own
    private static GraphSummary Drawing(GraphSummary summary, INamedTypeSymbol module, string graph)
    {
        var takes = module.GetMembers(graph).OfType<IMethodSymbol>().Any(m => m.Parameters.Any(p => p.Type.Name == DslNames.Draws && p.Type.ContainingNamespace.ToDisplayString() == DslNames.Namespace));
        return summary with { IsStochastic = summary.IsStochastic && takes, DrawsOnDevice = summary.DrawsOnDevice || summary.IsStochastic && !takes };
    }

    private static object? Named(AttributeData a, string name) => a.NamedArguments.FirstOrDefault(n => n.Key == name).Value.Value;

    private static GraphSummary Summary(AttributeData a)
    {
        var text = (string)a.ConstructorArguments[1].Value!;
        string Text(string name) => Named(a, name) as string ?? "";
        EquatableArray<string> Words(string name) => Text(name).Split([' '], System.StringSplitOptions.RemoveEmptyEntries).ToEquatable();
        var cost = new GraphCost(Text("MultiplyAdds"), Text("SavedBytes"), Text("SavedBytesNarrow"), Words("SavedArguments"), Words("SavedArgumentsNarrow"), Words("ProductArguments"), Words("Reads"));
        return new(text.Contains("token-wise"), text.Contains("stochastic"), text.Contains("capture-safe"), cost, Words("LoweredArguments"), Elements: Elements(a, Words("ProductArguments")), DrawsOnDevice: text.Contains(DrawingOnDevice), DropsFrom: Text("DropsFrom").Split([';'], System.StringSplitOptions.RemoveEmptyEntries).Select(t => t.Trim()).ToEquatable());
    }

    // what was published before types were says at least what products read
    private static ElementContract Elements(AttributeData a, EquatableArray<string> products)
        => Named(a, "Takes") is null && Named(a, "Gives") is null
            ? new(products.Select(p => new ElementDemand(new(ElementType.Bool, new([p]), false, default), ElementSet.Float, false, "")).ToEquatable(), default)
            : ElementContract.Parse(Named(a, "Takes") as string ?? "", Named(a, "Gives") as string ?? "");

    private static GraphParameter Parameter(IParameterSymbol p)
    {
        var shape = Texts(ModuleReader.Attributes(p, DslNames.Shape).FirstOrDefault()).FirstOrDefault();
        return new(0, p.Name, Kind(p.Type), shape is null ? null : new ShapeText(0, shape), p.IsOptional, p.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)) { Default = Default(p) };
    }

    /// <summary>The declared default of a host parameter as C#, empty where there is none.</summary>
    internal static string Default(IParameterSymbol p)
    {
        if (!p.HasExplicitDefaultValue || Kind(p.Type) != ParameterKind.Host) return "";
        var type = p.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        return p.ExplicitDefaultValue switch
        {
            null => "default",
            double.NaN => "double.NaN",
            double.PositiveInfinity => "double.PositiveInfinity",
            double.NegativeInfinity => "double.NegativeInfinity",
            bool or int or string => SymbolDisplay.FormatPrimitive(p.ExplicitDefaultValue, quoteStrings: true, useHexadecimalNumbers: false)! is var text && p.Type.TypeKind == TypeKind.Enum ? $"({type})({text})" : text,
            double number => number.ToString("R", CultureInfo.InvariantCulture) is var digits && digits.IndexOfAny(['.', 'E', 'e']) >= 0 ? digits : digits + ".0",
            var other => $"({type})({SymbolDisplay.FormatPrimitive(other, quoteStrings: true, useHexadecimalNumbers: false)})",
        };
    }

    internal static ParameterKind Kind(ITypeSymbol type) => type.Name switch
    {
        DslNames.Sym when type.ContainingNamespace.ToDisplayString() == DslNames.Namespace => ParameterKind.Value,
        DslNames.OrderMask when type.ContainingNamespace.ToDisplayString() == DslNames.Namespace => ParameterKind.Mask,
        _ => ParameterKind.Host,
    };

    private static EquatableArray<ShapeText> Results(IMethodSymbol m)
    {
        var shape = m.GetReturnTypeAttributes().FirstOrDefault(a => a.AttributeClass?.Name == DslNames.Shape);
        return Texts(shape).Select(text => new ShapeText(0, text)).ToEquatable();
    }

    private static IEnumerable<string> Texts(AttributeData? shape)
        => shape?.ConstructorArguments.FirstOrDefault() is { Kind: TypedConstantKind.Array, IsNull: false } list ? list.Values.Select(v => v.Value as string ?? "") : [];
}
