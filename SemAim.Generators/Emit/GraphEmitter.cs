using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Passes;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Emit;

/// <summary>Writes the body of a graph: one operation a line, the author's names, disposal at the last use, the shape as a comment.</summary>
internal sealed class GraphEmitter
{
    private const int MostCrossing = 3;                                        // that BackwardCutter.Cut takes at once

    private readonly ModuleScope scope;
    private readonly SizeFacts facts;
    private readonly CheckedGraph graph;
    private readonly CodeWriter code;
    private readonly Dictionary<Value, string> variables = [];
    private readonly HashSet<string> taken;
    private readonly HashSet<Value> declared = [];                             // results of branches, whose variables stand before them
    private int temporaries;

    private readonly CompilerOptions options;

    private readonly RuntimeNames names;

    private GraphEmitter(ModuleScope scope, CheckedGraph graph, RuntimeNames names, CodeWriter code, CompilerOptions options)
    {
        (this.scope, facts, this.graph, this.code, this.options) = (scope, scope.Facts, graph, code, options);
        // locals keep the author's names, even where these are words of the compiler
        this.names = names.Within(Rewriting.All(graph.Body).SelectMany(o => o.Results.Select(r => r.Name).Append(o.Variable)).OfType<string>());
        taken = ["draws", "cutter", .. Identifier.Keywords, .. facts.Names, .. graph.Bound, .. graph.Unit.Parameters.Select(p => p.Name)];
    }

    /// <summary>Writes the statements of a graph.</summary>
    internal static void Write(ModuleScope scope, CheckedGraph graph, RuntimeNames names, CodeWriter code, CompilerOptions options)
    {
        var emitter = new GraphEmitter(scope, graph, names, code, options);
        var values = graph.Unit.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        for (var i = 0; i < values.Count; i++) emitter.variables[graph.Body.Parameters[i]] = Identifier.Escaped(values[i].Name);
        foreach (var op in Rewriting.All(graph.Body).Where(o => o.Kind == OpKind.Repeat)) emitter.taken.Add(op.Variable);
        var results = emitter.Region(graph.Body, []);
        code.Line(results.Count == 1 ? $"return {results[0]};" : $"return ({string.Join(", ", results)});");
    }

    /// <summary>Writes a region; the result texts are fresh handles that the reader owns.</summary>
    private List<string> Region(Region region, IReadOnlyList<Value> entering)
    {
        foreach (var p in region.Unread) code.Line($"{variables[p]}.Dispose();");
        foreach (var op in region.Ops)
        {
            Op(op);
            foreach (var r in op.Unread)
                if (op.Kind is OpKind.Repeat or OpKind.If) code.Line($"{variables[r]}.Dispose();");
                else code.Append($" {variables[r]}.Dispose();");
        }
        var mine = new HashSet<Value>(entering.Concat(region.Ops.Where(o => !o.IsHandle).SelectMany(o => o.Results)));
        var given = new HashSet<Value>();
        return [.. region.Results.Select(r => mine.Contains(r) && given.Add(r) ? variables[r] : $"{Text(r)}.alias()")];
    }

    private string Text(Value v) => variables.TryGetValue(v, out var name) ? name : throw new InvalidOperationException($"a value of {graph.Unit.Name} has no name");

    private string New(Value v)
    {
        string name;
        if (v.Name is { } wanted)
        {
            name = wanted;
            for (var n = 2; !taken.Add(name); n++) name = wanted + n.ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            do name = "v" + (++temporaries).ToString(CultureInfo.InvariantCulture);
            while (!taken.Add(name));
        }
        return variables[v] = name;
    }

    private string Size(Dim d) => facts.Code(d);

    // an argument of type long among others
    private string Sizes(IEnumerable<Dim> dims) => string.Join(", ", dims.Select(Size));

    private string Shape(Value v) => Shapes.Show(facts, v.Axes);

    private void Op(Op op)
    {
        switch (op.Kind)
        {
            case OpKind.Weight:
                variables[op.Result] = $"{Field(op)}.Tensor";
                return;
            case OpKind.MaskCausal:
                variables[op.Result] = $"{names["AttentionBias"]}.Causal";
                return;
            case OpKind.Repeat: Repeat(op); return;
            case OpKind.If: If(op); return;
            case OpKind.Cut: Cut(op); return;
        }
        var expression = Expression(op);
        var disposals = string.Concat(op.Dying.Select(d => $" {variables[d]}.Dispose();"));
        LineBegins(op);
        if (op.Results.Count == 1)
            code.Statement($"{(declared.Contains(op.Result) ? Text(op.Result) : $"var {New(op.Result)}")} = {expression};{disposals}", op.Result.Type == ElementType.Mask ? $"order({Shape(op.Result)})" : Shape(op.Result));
        else
        {
            code.Statement($"var ({string.Join(", ", op.Results.Select(r => New(r)))}) = {expression};{disposals}", string.Join("; ", op.Results.Select(Shape)));
        }
        LineEnds(op);
        if (options.Trace)
            foreach (var r in op.Results.Where(r => r.Type != ElementType.Mask)) code.Line($"{names["Trace"]}.Value(\"{scope.Unit.Name}.{graph.Unit.Name}\", \"{variables[r]}\", {variables[r]});");
    }

    // the variables stay: what they hold is exchanged
    private void Cut(Op op)
    {
        for (var i = 0; i < op.Results.Count; i++)
            if (op.Dying.Contains(op.Operands[i]!)) variables[op.Results[i]] = variables[op.Operands[i]!];
            else code.Statement($"var {New(op.Results[i])} = {Text(op.Operands[i]!)}.alias();", Shape(op.Results[i]));
        var crossing = op.Results.Select(r => "ref " + variables[r]).ToList();
        var condition = op.Keep ? "" : $"if ({Size(op.Index!)} > 0) ";
        if (crossing.Count > 0) code.Line($"{condition}cutter?.Cut({string.Join(", ", crossing.Take(MostCrossing))});");
        foreach (var more in crossing.Skip(MostCrossing)) code.Line($"{condition}cutter?.Also({more});");
    }

    private const int BehindAnyStatement = 999;

    private void LineBegins(Op op)
    {
        if (options.Lines.Of(op.Source) is not { } p) return;
        string N(int n) => n.ToString(CultureInfo.InvariantCulture);
        // what begins before that column stands for the whole expression: every statement of the line does
        code.Line($"#line ({N(p.Line)},{N(p.Column)})-({N(p.LastLine)},{N(p.LastColumn)}) {N(BehindAnyStatement)} \"{p.File}\"");
    }

    private void LineEnds(Op op)
    {
        if (options.Lines.Of(op.Source) is not null) code.Line("#line hidden");
    }

    private void Repeat(Op op)
    {
        var (body, dying) = (op.Body!, op.Dying);
        var moved = new List<Value>();
        for (var i = 0; i < body.Parameters.Count; i++)
        {
            var initial = op.Operands[i]!;
            // what the body reads itself must not become what the loop carries around
            if (dying.Contains(initial) && !moved.Contains(initial) && !Rewriting.Reads(op).Skip(op.Operands.Count).Contains(initial))
            {
                moved.Add(initial);
                variables[body.Parameters[i]] = variables[initial];
            }
            else code.Statement($"var {New(body.Parameters[i])} = {Text(initial)}.alias();", Shape(initial));
        }
        var (first, end, variable) = (Size(op.Dims[0]), Size(op.Dims[1]), Identifier.Escaped(op.Variable));
        code.Line($"for (int {variable} = {first}; {variable} < {end}; {variable}++)");
        code.Open();
        var results = Region(body, body.Parameters);
        var (targets, sources) = (new List<string>(), new List<string>());
        for (var i = 0; i < results.Count; i++)
        {
            var target = variables[body.Parameters[i]];
            if (results[i] == target) continue;
            targets.Add(target);
            sources.Add(results[i]);
        }
        if (targets.Count == 1) code.Line($"{targets[0]} = {sources[0]};");
        else if (targets.Count > 1) code.Line($"({string.Join(", ", targets)}) = ({string.Join(", ", sources)});");
        code.Close();
        for (var i = 0; i < op.Results.Count; i++) variables[op.Results[i]] = variables[body.Parameters[i]];
        foreach (var d in dying.Where(d => !moved.Contains(d))) code.Line($"{variables[d]}.Dispose();");
    }

    private void If(Op op)
    {
        foreach (var r in op.Results) code.Line($"{names["Tensor"]} {New(r)};");
        code.Line($"if ({op.Text})");
        Branch(op.Body!);
        code.Line("else");
        Branch(op.Otherwise!);
        foreach (var d in op.Dying) code.Line($"{variables[d]}.Dispose();");

        void Branch(Region region)
        {
            code.Open();
            for (var i = 0; i < region.Results.Count; i++)
                if (region.Ops.Any(o => o is { Results.Count: 1, IsHandle: false, Body: null } && o.Result == region.Results[i]) && region.Results.Count(r => r == region.Results[i]) == 1)
                {
                    variables[region.Results[i]] = variables[op.Results[i]];
                    declared.Add(region.Results[i]);
                }
            var results = Region(region, []);
            for (var i = 0; i < results.Count; i++)
                if (results[i] != variables[op.Results[i]]) code.Line($"{variables[op.Results[i]]} = {results[i]};");
            code.Close();
        }
    }

    private string Field(Op op)
    {
        var field = Identifier.Escaped(op.Text);
        if (taken.Contains(op.Text) || variables.ContainsValue(op.Text) || graph.Unit.Parameters.Any(p => p.Name == op.Text)) field = "this." + field;
        return op.Index is null ? field : $"{field}[{Size(op.Index)}]";
    }

    private string Expression(Op op)
    {
        string X(int i = 0) => Text(op.Operands[i]!);
        string N(int n) => n.ToString(CultureInfo.InvariantCulture);
        // where any number of axes leads, an axis is counted from the end
        string Axis(Op o) => N(o.Operands[0] is { HasOpenRank: true } x ? o.Axis - x.Axes.Count : o.Axis);
        var field = op.Text.Length > 0 && op.Kind is OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d or OpKind.Call or OpKind.Lower ? Field(op) : "";
        switch (op.Kind)
        {
            case OpKind.Linear: return $"{names["Kernels"]}.{(op.Method == FuseGelu.Method ? "GeluLinear" : "Linear")}({X()}, {field})";
            case OpKind.LayerNorm: return $"{names["Kernels"]}.{(op.Method == NarrowNorms.Method ? "NarrowLayerNorm" : "LayerNorm")}({X()}, {field})";
            case OpKind.Conv2d: return $"{names["Kernels"]}.Conv2d({X()}, {field})";
            case OpKind.Lower: return $"{names["Kernels"]}.Lower({X()}, {field}.Weight)";
            case OpKind.Raise: return $"{names["Kernels"]}.Raise({X()})";
            case OpKind.Call: return Call(op, field);
            case OpKind.Unary: return op.Method switch { "gelu" => $"{names["Functional"]}.gelu({X()})", "relu" => $"{names["Functional"]}.relu({X()})", "silu" => $"{names["Functional"]}.silu({X()})", "quickgelu" => $"{names["Kernels"]}.QuickGelu({X()})", _ => $"{X()}.{op.Method}()" };
            case OpKind.Scalar:
                return op.Method switch
                {
                    "pow" when op.Text == "2" => $"{names["Kernels"]}.Square({X()})",
                    "pow" when op.Text == "0.5" => $"{X()}.sqrt()",
                    "pow" => $"{X()}.pow({names["Number"]}.Of({Real(op)}))",
                    "+" => $"{names["Kernels"]}.Add({X()}, {names["Number"]}.Of({Real(op)}))",
                    "-" => $"{X()}.sub({names["Number"]}.Of({Real(op)}))",
                    "*" => $"{X()}.mul({names["Number"]}.Of({Real(op)}))",
                    "/" => $"{X()}.div({names["Number"]}.Of({Real(op)}))",
                    "r-" => $"{names["Kernels"]}.Subtract({names["Number"]}.Of({Real(op)}), {X()})",
                    _ => $"{names["Kernels"]}.Divide({names["Number"]}.Of({Real(op)}), {X()})",
                };
            case OpKind.Binary when op.Method == "+": return $"{names["Kernels"]}.Add({X()}, {X(1)})";
            case OpKind.Binary: return $"{X()}.{op.Method switch { "-" => "sub", "*" => "mul", _ => "div" }}({X(1)})";
            case OpKind.Compare: return $"{X()}.{op.Method switch { "<" => "lt", "<=" => "le", ">" => "gt", _ => "ge" }}({(op.Operands.Count > 1 ? X(1) : $"{names["Number"]}.Of({Bare(op.Text)})")})";
            case OpKind.Reshape: return $"{X()}.{(IsFresh(op.Operands[0]!) ? "view" : "reshape")}({Sizes(op.Dims)})";
            case OpKind.Permute: return op.Order.Count == 4 && op.Order.SequenceEqual([0, 2, 1, 3]) ? $"{X()}.transpose(1, 2)" : $"{X()}.permute({string.Join(", ", op.Order.Select(N))})";
            case OpKind.Expand: return $"{X()}.expand({Sizes(op.Dims)})";
            case OpKind.Select: return $"{X()}.select({Axis(op)}, {Size(op.Dims[0])})";
            case OpKind.Unbind: return $"{names["Kernels"]}.Unbind{N(op.Results.Count)}({X()}, {Axis(op)})";
            case OpKind.Narrow: return $"{X()}.narrow({Axis(op)}, {Size(op.Dims[0])}, {Size(op.Dims[1])})";
            case OpKind.Concat: return $"{names["torch"]}.cat([{string.Join(", ", op.Operands.Select((_, i) => X(i)))}], {Axis(op)})";
            case OpKind.Softmax: return $"{X()}.softmax({Axis(op)})";
            case OpKind.Normalize: return $"{names["Functional"]}.normalize({X()}, 2.0, {Axis(op)})";
            case OpKind.Reduce when op.Axis < 0: return op.Method == "var" ? $"{X()}.var(unbiased: true)" : $"{X()}.{op.Method}()";
            case OpKind.Reduce:
                return op.Method switch
                {
                    "mean" => $"{X()}.mean([{Axis(op)}], {Bool(op.Keep)})",
                    "sum" => $"{X()}.sum([{Axis(op)}L], {Bool(op.Keep)})",
                    "var" => $"{X()}.var({Axis(op)}, unbiased: true, keepdim: {Bool(op.Keep)})",
                    "max" => $"{X()}.amax([{Axis(op)}], {Bool(op.Keep)})",
                    "min" => $"{X()}.amin([{Axis(op)}], {Bool(op.Keep)})",
                    _ => $"{X()}.argmax({Axis(op)}, {Bool(op.Keep)})",
                };
            case OpKind.Einsum: return $"{(op.Method == "mixed" ? names["Kernels"] + ".Einsum" : names["torch"] + ".einsum")}(\"{op.Text}\", {string.Join(", ", op.Operands.Select((_, i) => X(i)))})";
            case OpKind.Attend: return $"{names["Kernels"]}.Attend({X()}, {X(1)}, {X(2)}, {(op.Operands[3] is null ? "default" : X(3))})";
            case OpKind.MaskUpTo: return $"{names["AttentionBias"]}.UpTo({X()}, {names["Ties"]}.{(op.Text.Length > 0 ? op.Text : "ByIndex")})";
            case OpKind.MaskBefore: return $"{names["AttentionBias"]}.Before({X()}, {names["Ties"]}.{(op.Text.Length > 0 ? op.Text : "ByIndex")})";
            case OpKind.Detach: return $"{X()}.detach()";
            case OpKind.DropPath: return $"{names["Kernels"]}.DropPath({X()}, {op.Text}, draws)";
            case OpKind.SortOrder: return $"{names["Kernels"]}.SortOrder({X()})";
            case OpKind.InverseOrder: return $"{names["Kernels"]}.InverseOrder({X()})";
            case OpKind.Reorder: return op.Method == "tokens" ? $"{names["Kernels"]}.ReorderTokens({X()}, {X(1)})" : $"{names["Kernels"]}.ReorderPatches({X()}, {X(1)})";
            case OpKind.Gather: return $"{names["Kernels"]}.Gather({X()}, {X(1)}, {Axis(op)})";
            case OpKind.Sort: return $"{names["Kernels"]}.Sort({X()}, {Axis(op)})";
            case OpKind.Where: return $"{names["Kernels"]}.Where({X()}, {X(1)}, {X(2)})";
            default: throw new InvalidOperationException($"no emission for {op.Kind}");
        }
    }

    // contiguous for certain: what a linear layer or an element-wise operation has just made
    private static bool IsFresh(Value v) => v.Producer?.Kind is OpKind.Linear;

    // C# converts a whole number for the specification; beside indices and truth values that makes the difference
    private static string Real(Op op) => !op.Keep ? Bare(op.Text) : op.Text.All(char.IsDigit) ? op.Text + ".0" : op.Text.Contains('.') && op.Text.All(c => char.IsDigit(c) || c == '.') ? op.Text : op.Text.All(c => char.IsLetterOrDigit(c) || c is '_' or '.') ? $"(double){op.Text}" : $"(double)({Bare(op.Text)})";

    private static string Bool(bool b) => b ? "true" : "false";

    private string Call(Op op, string field)
    {
        var callee = op.Callee?.Graphs.FirstOrDefault(g => g.Name == op.Method) ?? GraphContract.Of(scope.Unit.Graphs.First(g => g.Name == op.Method));
        var external = op.Callee is { IsExternal: true };
        var arguments = new List<string>();
        var next = 0;
        foreach (var p in callee.Parameters)
        {
            if (p.Kind == ParameterKind.Host)
            {
                if (op.Host.TryGetValue(p.Name, out var host)) arguments.Add(external ? $"{Identifier.Escaped(p.Name)}: {host}" : host);
                continue;
            }
            var operand = op.Operands[next++];
            if (operand is not null) arguments.Add(Text(operand));
            else if (!external) arguments.Add("default");
        }
        var stochastic = op.Callee is null ? scope.Contracts.TryGetValue(scope.Unit.FullName, out var own) && own.Graphs.First(g => g.Name == op.Method).Summary.IsStochastic : callee.Summary.IsStochastic;
        if (stochastic && op.TakesDraws) arguments.Add(external ? "draws: draws" : "draws");
        if (callee.IsCut && !external) arguments.Add("null");               // what a caller cuts is its own
        if (!external) arguments.AddRange(op.Bound.Where(b => !b.Has("…")).Select(Size));
        var method = external ? Identifier.Escaped(op.Method) : "__" + op.Method;
        return $"{(field.Length > 0 ? field + "." : "")}{method}({string.Join(", ", arguments)})";
    }

    // without the brackets around all of it
    private static string Bare(string text)
    {
        if (text.Length < 2 || text[0] != '(' || text[text.Length - 1] != ')' || text.IndexOfAny(['"', '\'']) >= 0) return text;
        for (int i = 0, depth = 0; i < text.Length - 1; i++)
            if ((depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 }) == 0) return text;
        return text.Substring(1, text.Length - 2);
    }
}
