using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Reads a class marked [Module]: sizes, facts, layers, graphs and variants.</summary>
public sealed class ModuleReader
{
    private readonly INamedTypeSymbol type;
    private readonly Compilation compilation;
    private readonly CancellationToken cancel;
    private readonly List<Finding> findings = [];
    private readonly Dictionary<string, ModuleContract> externals = [];
    private readonly Dictionary<SyntaxTree, SemanticModel> models = [];            // a model remembers what it has bound

    private ModuleReader(INamedTypeSymbol type, Compilation compilation, CancellationToken cancel)
        => (this.type, this.compilation, this.cancel) = (type, compilation, cancel);

    /// <summary>Places of everything the unit numbers.</summary>
    public SpanTable Spans { get; } = new();

    internal Compilation Compilation => compilation;

    internal INamedTypeSymbol Type => type;

    /// <summary>How many findings there are so far.</summary>
    internal int FindingCount => findings.Count;

    /// <summary>Reads one module and the places of its parts.</summary>
    /// <param name="type">the class</param>
    /// <param name="compilation">its compilation</param>
    /// <param name="cancel">stops the work</param>
    public static (ModuleUnit Unit, SpanTable Spans) Read(INamedTypeSymbol type, Compilation compilation, CancellationToken cancel)
    {
        var reader = new ModuleReader(type, compilation, cancel);
        return (reader.Read(), reader.Spans);
    }

    /// <summary>The name by which a compilation finds the class again.</summary>
    internal static string MetadataName(INamedTypeSymbol type)
        => type.ContainingType is { } outer ? $"{MetadataName(outer)}+{type.MetadataName}" : type.ContainingNamespace.IsGlobalNamespace ? type.MetadataName : $"{type.ContainingNamespace.ToDisplayString(Plain)}.{type.MetadataName}";

    // without the @ of a name that is a keyword
    private static readonly SymbolDisplayFormat Plain = new(typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces);

    internal void Report(string id, string message, int at, int start = -1, int length = 0) => findings.Add(new(id, message, at, start, length));

    private ModuleUnit Read()
    {
        var declaration = type.DeclaringSyntaxReferences.Select(r => r.GetSyntax(cancel)).OfType<ClassDeclarationSyntax>().ToList();
        var primary = declaration.FirstOrDefault(d => d.ParameterList is not null) ?? declaration[0];
        var name = Spans.Add(primary.Identifier);
        var (partial, derived) = (declaration[0].Modifiers.Any(m => m.Text == "partial"), DerivesFromGraphModule(type));
        if (!partial) Report("SEM0001", $"`{type.Name}` is marked [Module] but is not partial; write `{Words(primary)} partial class {type.Name}`", name);
        else if (!derived) Report("SEM0002", $"`{type.Name}` is marked [Module] but does not derive from GraphModule", name);
        var plain = !type.IsGenericType && type.ContainingType is null;
        if (!plain) Report("SEM0007", $"module `{type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)}` is {(type.IsGenericType ? "generic" : "nested")}; a module is a plain top-level class", name);
        var constructor = primary.ParameterList is null ? null : type.InstanceConstructors.FirstOrDefault(c => c.DeclaringSyntaxReferences.Any(r => r.GetSyntax(cancel) == primary));
        if (constructor is null && plain && partial && derived) Report("SEM0006", $"module `{type.Name}` has no primary constructor; its sizes would be unknown", name);

        hasConstructor = constructor is not null;
        var parameters = constructor?.Parameters ?? [];
        var sizes = parameters.Where(p => p.Type.SpecialType == SpecialType.System_Int32).Select(p => new SizeParameter(Place(p), p.Name)).ToEquatable();
        var hypers = parameters.Where(p => p.Type.SpecialType != SpecialType.System_Int32).Select(p => p.Name).ToEquatable();
        var facts = ReadFacts(type).ToEquatable();
        var ints = new IntReader(this);
        var members = ReadMembers(ints).ToEquatable();
        var layers = ReadLayers(ints).ToEquatable();
        var graphs = ReadGraphs(layers).ToEquatable();
        var variants = type.GetMembers().OfType<IMethodSymbol>().Where(m => Has(m, DslNames.Variant) && m.DeclaringSyntaxReferences.Length > 0).Select(m => new VariantReader(this, constructor).Read(m)).OfType<Variant>().ToEquatable();
        var source = System.IO.Path.GetFileName(primary.SyntaxTree.FilePath);
        return new(
            type.ContainingNamespace.IsGlobalNamespace ? "" : type.ContainingNamespace.ToDisplayString(), type.Name,
            type.DeclaredAccessibility == Accessibility.Public ? "public" : "internal", source, partial && derived && plain && constructor is not null,
            sizes, hypers, members, facts, layers, graphs, variants,
            externals.OrderBy(e => e.Key, System.StringComparer.Ordinal).Select(e => e.Value).ToEquatable(), findings.ToEquatable())
        { Hidden = HiddenWords().ToEquatable() };
    }

    // what the author's class or namespace gives another meaning; in the global namespace the author's global usings count as well
    private IEnumerable<string> HiddenWords()
    {
        var around = type.ContainingNamespace;
        foreach (var word in RuntimeNames.Words)
            if (around.IsGlobalNamespace && GlobalUsings.Of(compilation).Contains(word) || IsMember(word) || around.GetMembers(word).Any() || around.GetMembers(word + "Attribute").Any()) yield return word;
        foreach (var member in RuntimeNames.Members)
            if (IsMember(member)) yield return member;
    }

    // of the class, or of a base between it and GraphModule
    private bool IsMember(string name)
    {
        for (var t = type; t is not null && !(t.Name == DslNames.GraphModule && t.ContainingNamespace.ToDisplayString() == DslNames.Namespace); t = t.BaseType)
            if (t.GetMembers(name).Any()) return true;
        return type.Name == name || type.InstanceConstructors.Any(c => c.Parameters.Any(p => p.Name == name));
    }

    // an int property that is no size (a counter, a tensor's axis) is plain C#; only where a graph asks for it, it is refused
    private IEnumerable<SizeMember> ReadMembers(IntReader ints)
    {
        var read = new List<(SizeMember Member, List<Finding> Findings)>();
        foreach (var property in type.GetMembers().OfType<IPropertySymbol>())
        {
            if (property.Type.SpecialType != SpecialType.System_Int32 || property.IsIndexer || property.DeclaringSyntaxReferences.Length == 0 || property.Name.StartsWith("__", System.StringComparison.Ordinal)) continue;
            var before = findings.Count;
            var member = ints.Member(property);
            var reasons = findings.Skip(before).ToList();
            findings.RemoveRange(before, findings.Count - before);
            if (member is not null) read.Add((member, reasons));
        }
        sizes = [.. read.Where(r => r.Findings.Count == 0).Select(r => r.Member.Name)];
        for (var changed = true; changed;)
        {
            var known = read.Select(r => r.Member.Name).ToList();
            changed = read.RemoveAll(r => sizes.Contains(r.Member.Name) && Check.Expressions.SizeNames(r.Member.Value).Any(n => known.Contains(n) && !sizes.Contains(n)) && sizes.Remove(r.Member.Name)) > 0;
        }
        return read.Where(r => sizes.Contains(r.Member.Name)).Select(r => r.Member);
    }

    /// <summary>What is read, or null where something is wrong with it, which is nobody's fault here.</summary>
    internal Expr? Silently(System.Func<Expr> read)
    {
        var before = findings.Count;
        var expression = read();
        if (findings.Count == before) return expression;
        findings.RemoveRange(before, findings.Count - before);
        return null;
    }

    private bool hasConstructor;
    private HashSet<string>? sizes;

    /// <summary>True for a member that defines a size; while members are read, any may.</summary>
    internal bool IsSize(string member) => sizes is null || sizes.Contains(member);

    private static string Words(ClassDeclarationSyntax c) => c.Modifiers.Count == 0 ? "internal" : string.Join(" ", c.Modifiers.Select(m => m.Text));

    internal static bool DerivesFromGraphModule(INamedTypeSymbol type)
    {
        for (var b = type.BaseType; b is not null; b = b.BaseType)
            if (b.Name == DslNames.GraphModule && b.ContainingNamespace.ToDisplayString() == DslNames.Namespace) return true;
        return false;
    }

    internal static IEnumerable<AttributeData> Attributes(ISymbol symbol, string name)
        => symbol.GetAttributes().Where(a => a.AttributeClass is { } c && c.Name == name && c.ContainingNamespace.ToDisplayString() == DslNames.Namespace);

    internal static bool Has(ISymbol symbol, string name) => Attributes(symbol, name).Any();

    internal int Place(ISymbol symbol)
        => symbol.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancel) switch
        {
            ParameterSyntax p => Spans.Add(p.Identifier),
            MethodDeclarationSyntax m => Spans.Add(m.Identifier),
            PropertyDeclarationSyntax p => Spans.Add(p.Identifier),
            VariableDeclaratorSyntax v => Spans.Add(v.Identifier),
            ClassDeclarationSyntax c => Spans.Add(c.Identifier),
            { } other => Spans.Add(other),
            _ => 0,
        };

    internal IEnumerable<Fact> ReadFacts(ISymbol owner)
        => Attributes(owner, DslNames.Require).Where(a => a.ConstructorArguments.Length == 1).Select(a => new Fact(AttributeText(a, 0), a.ConstructorArguments[0].Value as string ?? "",
            a.NamedArguments.FirstOrDefault(n => n.Key == "Because").Value.Value as string));

    // the place of an attribute's n-th positional argument
    private int AttributeText(AttributeData attribute, int index)
        => attribute.ApplicationSyntaxReference?.GetSyntax(cancel) is AttributeSyntax { ArgumentList: { } list } && list.Arguments.Count > index ? Spans.Add(list.Arguments[index].Expression) : 0;

    private List<LayerField> ReadLayers(IntReader ints)
    {
        var layers = new List<LayerField>();
        foreach (var field in type.GetMembers().OfType<IFieldSymbol>().Where(f => !f.IsImplicitlyDeclared && f.DeclaringSyntaxReferences.Length > 0))
        {
            cancel.ThrowIfCancellationRequested();
            if (field.IsStatic && (field.IsConst || field.Type is not INamedTypeSymbol shared || !IsLayer(shared))) continue;
            var place = Place(field);
            if (field.IsStatic)
            {
                Report("SEM0106", $"layer `{field.Name}` is static: its weights would belong to no model; drop `static`", place);
                continue;
            }
            if (IsTensor(field.Type))
                Report("SEM0105", $"field `{field.Name}` is a {field.Type.Name}; use Weight (trained) or Constant (saved, not trained)", place);
            if (field.Type is not INamedTypeSymbol fieldType || !IsLayer(fieldType)) continue;
            var before = findings.Count;
            if (LayerReader.Read(this, ints, field, fieldType) is { } layer) layers.Add(layer);
            // without a primary constructor a layer can only be made in the other one, which is reported
            else if (!hasConstructor) findings.RemoveRange(before, findings.Count - before);
        }
        return layers;
    }

    // TorchSharp's, and what derives from it: a Parameter
    private static bool IsTensor(ITypeSymbol? type) => type is { Name: "Tensor", ContainingType.Name: "torch" } || type?.BaseType is { } b && IsTensor(b);

    private static bool IsLayer(INamedTypeSymbol type)
        => DerivesFromGraphModule(type) || type.ContainingNamespace.ToDisplayString() == DslNames.Namespace && type.Name is "Weight" or "Constant" or "Repeat";

    /// <summary>Remembers the contract of a module from another assembly.</summary>
    internal void Use(INamedTypeSymbol callee)
    {
        var name = callee.ToDisplayString();
        if (SymbolEqualityComparer.Default.Equals(callee.ContainingAssembly, compilation.Assembly) || externals.ContainsKey(name) || !Has(callee, "ModuleAttribute")) return;
        externals[name] = ContractReader.Read(callee);
    }

    private List<GraphUnit> ReadGraphs(EquatableArray<LayerField> layers)
    {
        var graphs = new List<GraphUnit>();
        if (type.IsStatic) return graphs;                           // none could be one
        foreach (var method in type.GetMembers().OfType<IMethodSymbol>().Where(m => Has(m, DslNames.Graph) && m.DeclaringSyntaxReferences.Length > 0))
        {
            cancel.ThrowIfCancellationRequested();
            if (graphs.Any(g => g.Name == method.Name))
            {
                Report("SEM0020", $"graph `{method.Name}` is declared twice; a name is one contract: give this one another", Place(method));
                continue;
            }
            if (new GraphReader(this, layers, method).Read() is { } graph) graphs.Add(graph);
        }
        return graphs;
    }

    internal ShapeText? Shape(AttributeData? attribute, int index)
    {
        if (attribute is null || attribute.ConstructorArguments.Length == 0) return null;
        if (attribute.ConstructorArguments.FirstOrDefault() is not { Kind: TypedConstantKind.Array, IsNull: false } list || index >= list.Values.Length) return null;
        var values = list.Values;
        return new(AttributeText(attribute, index), values[index].Value as string ?? "", attribute.NamedArguments.Any(n => n is { Key: "Precision", Value.Value: 1 }));
    }

    /// <summary>The value of an expression-bodied member, or null.</summary>
    internal IOperation? Body(ISymbol member)
    {
        var syntax = member.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancel);
        var arrow = syntax switch
        {
            PropertyDeclarationSyntax { ExpressionBody: { } e } => e,
            PropertyDeclarationSyntax { AccessorList.Accessors: [{ RawKind: (int)SyntaxKind.GetAccessorDeclaration, ExpressionBody: { } e }] } => e,
            MethodDeclarationSyntax { ExpressionBody: { } e } => e,
            _ => null,
        };
        if (arrow is null || Operation(arrow) is not IBlockOperation { Operations: [IReturnOperation { ReturnedValue: { } value }, ..] }) return null;
        return Strip(value);
    }

    internal IOperation? Operation(SyntaxNode node)
    {
        if (!models.TryGetValue(node.SyntaxTree, out var model)) models[node.SyntaxTree] = model = compilation.GetSemanticModel(node.SyntaxTree);
        return model.GetOperation(node, cancel);
    }

    internal static IOperation Strip(IOperation operation)
    {
        // (float)x and (int)x are other numbers than x
        while (operation is IConversionOperation { OperatorMethod: null } c && (c.Conversion.IsImplicit || !c.Conversion.IsNumeric)) operation = c.Operand;
        return operation;
    }
}
