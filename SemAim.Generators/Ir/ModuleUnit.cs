using SemAim.Generators.Collections;

namespace SemAim.Generators.Ir;

/// <summary>A module as read from its declaration: data alone, equal to another one that would compile to the same code.</summary>
/// <param name="Namespace">empty for the global one</param>
/// <param name="Name">of the class</param>
/// <param name="Accessibility">of the class, as C# text</param>
/// <param name="Source">file name without folders, for the head of the generated file</param>
/// <param name="IsEmittable">partial and derived from GraphModule, so that a second part makes sense</param>
/// <param name="Sizes">constructor parameters of type <c>int</c>, in order</param>
/// <param name="Hypers">the other constructor parameters</param>
/// <param name="Members">sizes defined by expressions</param>
/// <param name="Facts">what <c>[Require]</c> promises</param>
/// <param name="Layers">in order of their fields</param>
/// <param name="Graphs">in order of their methods</param>
/// <param name="Variants">published configurations</param>
/// <param name="Externals">contracts of modules of other assemblies that occur here</param>
/// <param name="Findings">what reading found</param>
public sealed record ModuleUnit(
    string Namespace, string Name, string Accessibility, string Source, bool IsEmittable,
    EquatableArray<SizeParameter> Sizes, EquatableArray<string> Hypers, EquatableArray<SizeMember> Members, EquatableArray<Fact> Facts,
    EquatableArray<LayerField> Layers, EquatableArray<GraphUnit> Graphs, EquatableArray<Variant> Variants,
    EquatableArray<ModuleContract> Externals, EquatableArray<Finding> Findings)
{
    /// <summary>Words of <see cref="RuntimeNames"/> that mean something else in the class or its namespace.</summary>
    public EquatableArray<string> Hidden { get; init; }

    /// <summary>Namespace and name.</summary>
    public string FullName => Namespace.Length == 0 ? Name : Namespace + "." + Name;
}

/// <summary>A symbolic size.</summary>
public sealed record SizeParameter(int Id, string Name);

/// <summary>An <c>int</c> member with an expression body.</summary>
public sealed record SizeMember(int Id, string Name, Expr Value);

/// <summary>A fact in the grammar <c>size [% size] (== | != | &lt;= | &gt;= | &lt; | &gt;) size</c>.</summary>
public sealed record Fact(int Id, string Text, string? Because);

/// <summary>A field that holds weights.</summary>
/// <param name="Id">place of the construction</param>
/// <param name="Field">name of the field</param>
/// <param name="Key">state-dict path, dots make groups</param>
/// <param name="Kind">what it is</param>
/// <param name="Type">full name of the layer's or copy's type</param>
/// <param name="Sizes">constructor arguments that are sizes</param>
/// <param name="Shape">axes of a weight or constant</param>
/// <param name="Count">copies of a repeat</param>
/// <param name="Place">place of the field's name</param>
/// <param name="Init">what fills a weight or constant, where it says what it can fill</param>
public sealed record LayerField(int Id, string Field, string Key, LayerKind Kind, string Type, EquatableArray<Argument> Sizes, EquatableArray<Expr> Shape, Expr? Count, int Place = 0, InitContract? Init = null);

/// <summary>An initialiser that says what it can fill.</summary>
/// <param name="Id">its place</param>
/// <param name="Text">as written</param>
/// <param name="Sizes">its int arguments</param>
/// <param name="Shapes">of <c>[Fills]</c>: one of them</param>
/// <param name="Facts">of <c>[Require]</c>, over its arguments and the axes</param>
public sealed record InitContract(int Id, string Text, EquatableArray<Argument> Sizes, EquatableArray<string> Shapes, EquatableArray<Fact> Facts);

/// <summary>What a field holds.</summary>
public enum LayerKind { Module, Linear, LayerNorm, Conv2d, Weight, Constant }

/// <summary>A graph as written.</summary>
/// <param name="Inlined">private graphs are read into their callers and not emitted</param>
/// <param name="Cuts">takes a cutter of its backward pass</param>
public sealed record GraphUnit(int Id, string Name, string Accessibility, bool Inlined, bool Capture, string? Summary,
    EquatableArray<GraphParameter> Parameters, EquatableArray<ShapeText> Results, EquatableArray<Statement> Body, bool Cuts = false);

/// <summary>The contract of a parameter.</summary>
public sealed record GraphParameter(int Id, string Name, ParameterKind Kind, ShapeText? Shape, bool Optional, string Type)
{
    /// <summary>What a host parameter is where it is left out, as C#; empty where it cannot be.</summary>
    public string Default { get; init; } = "";
}

/// <summary>What a parameter takes.</summary>
public enum ParameterKind { Value, Mask, Host }

/// <summary>The text of a shape with its place.</summary>
public sealed record ShapeText(int Id, string Text, bool IsPinned = false);

/// <summary>A published configuration; hyper-parameters are not among its sizes.</summary>
public sealed record Variant(int Id, string Name, EquatableArray<VariantSize> Sizes);

/// <summary>A number for a size; null where it is no constant.</summary>
public sealed record VariantSize(string Name, long? Value);

/// <summary>What a caller must know of a module: sizes, facts and the signatures of its graphs.</summary>
public sealed record ModuleContract(string FullName, bool IsExternal, bool IsCompiled, EquatableArray<string> Sizes, EquatableArray<SizeMember> Members, EquatableArray<Fact> Facts, EquatableArray<GraphContract> Graphs, EquatableArray<string> Uses = default, EquatableArray<WeightEntry> Weights = default)
{
    /// <summary>The name of the class.</summary>
    public string Name => FullName.Substring(FullName.LastIndexOf('.') + 1);

    /// <summary>The part of a unit that callers see.</summary>
    public static ModuleContract Of(ModuleUnit unit)
    {
        var sizes = new string[unit.Sizes.Count];
        for (var i = 0; i < sizes.Length; i++) sizes[i] = unit.Sizes[i].Name;
        var graphs = new GraphContract[unit.Graphs.Count];
        for (var i = 0; i < graphs.Length; i++) graphs[i] = GraphContract.Of(unit.Graphs[i]);
        var facts = new Fact[unit.Facts.Count];
        for (var i = 0; i < facts.Length; i++) facts[i] = unit.Facts[i] with { Id = 0 };
        var uses = new System.Collections.Generic.SortedSet<string>(System.StringComparer.Ordinal);
        foreach (var layer in unit.Layers) if (layer.Kind == LayerKind.Module) uses.Add(layer.Type);
        return new(unit.FullName, false, unit.IsEmittable, new(sizes), unit.Members, new(facts), new(graphs), uses.ToEquatable());
    }
}

/// <summary>A graph's signature.</summary>
public sealed record GraphContract(string Name, EquatableArray<GraphParameter> Parameters, EquatableArray<ShapeText> Results, GraphSummary Summary, bool IsCaptured = false, bool IsCut = false)
{
    /// <summary>The contract of a graph, without places: a line inserted above it must not look like a change to callers.</summary>
    public static GraphContract Of(GraphUnit graph)
    {
        var parameters = new GraphParameter[graph.Parameters.Count];
        for (var i = 0; i < parameters.Length; i++) parameters[i] = graph.Parameters[i] with { Id = 0, Shape = graph.Parameters[i].Shape is { } shape ? shape with { Id = 0 } : null };
        var results = new ShapeText[graph.Results.Count];
        for (var i = 0; i < results.Length; i++) results[i] = graph.Results[i] with { Id = 0 };
        return new(graph.Name, new(parameters), new(results), GraphSummary.Unknown, graph.Capture, graph.Cuts);
    }
}

/// <summary>What callers may rely on, proven from the body.</summary>
/// <param name="IsTokenWise">commutes with a permutation of the tokens that its masks order</param>
/// <param name="IsStochastic">draws in training, from a table that the caller fills</param>
/// <param name="IsCaptureSafe">reads nothing to the host and has static shapes</param>
/// <param name="Cost">what a call costs; null where nothing is known</param>
/// <param name="Lowered">arguments that only dense layers read</param>
/// <param name="DrawsOnDevice">draws numbers of its own, as a graph of another assembly may</param>
/// <param name="Hazard">the graph of another assembly below this one that is not known to be capture-safe; empty where there is none</param>
/// <param name="DropsFrom">for each thing that is dropped, the parameters that flow into it, separated by blanks</param>
/// <param name="Elements">types of elements that it takes and gives; null: nothing is known</param>
public sealed record GraphSummary(bool IsTokenWise, bool IsStochastic, bool IsCaptureSafe = false, GraphCost? Cost = null, EquatableArray<string> Lowered = default, bool DrawsOnDevice = false, string Hazard = "", EquatableArray<string> DropsFrom = default, ElementContract? Elements = null)
{
    /// <summary>Nothing is known.</summary>
    public static readonly GraphSummary Unknown = new(false, false);
}

/// <summary>What a call of a graph costs: sizes as C# over the module's sizes, those bound at the call, and <c>leading</c> for the axes behind <c>...</c>. Empty where a host value decides.</summary>
/// <param name="MultiplyAdds">of products, convolutions and attention, as written</param>
/// <param name="Saved">bytes kept for the backward pass beyond the arguments, float32</param>
/// <param name="SavedNarrow">the same with products in bfloat16</param>
/// <param name="Arguments">names of the arguments kept, float32</param>
/// <param name="ArgumentsNarrow">the same with products in bfloat16</param>
/// <param name="Products">names of the arguments that products read: kept unless they are a normalisation</param>
/// <param name="Reads">keys of the weights and constants read</param>
public sealed record GraphCost(string MultiplyAdds, string Saved, string SavedNarrow, EquatableArray<string> Arguments, EquatableArray<string> ArgumentsNarrow, EquatableArray<string> Products, EquatableArray<string> Reads);

/// <summary>A weight or constant below a module.</summary>
/// <param name="Key">state-dict key; <c>{0..L}</c> stands for the numbers of copies</param>
/// <param name="Shape">axes over the module's sizes, separated by blanks</param>
/// <param name="IsTrained">false for constants</param>
/// <param name="IsProductOnly">read by matrix products alone</param>
/// <param name="At">place of the layer's field, in the module that declares it; 0 in contracts</param>
/// <param name="Level">level of a cut backward pass at which its gradient is complete, over the module's sizes and <c>index</c>; empty where no graph of the module is cut</param>
public sealed record WeightEntry(string Key, string Shape, bool IsTrained, bool IsProductOnly, int At = 0, string Level = "");
