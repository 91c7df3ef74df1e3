using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>What a name stands for while a graph is checked.</summary>
public abstract record Item
{
    /// <summary>A value or a mask.</summary>
    public sealed record Tensor(Value Value) : Item;

    /// <summary>A size.</summary>
    public sealed record Int(Dim Size) : Item;

    /// <summary>A host value, as C#.</summary>
    public sealed record Host(string Code) : Item;

    /// <summary>Several values; <see cref="Parts"/> are taken apart from one.</summary>
    public sealed record Many(IReadOnlyList<Item> Items, bool Parts) : Item;

    /// <summary>A layer, or one of its copies.</summary>
    public sealed record Layer(ResolvedLayer Field, Dim? Index) : Item;

    /// <summary>The module.</summary>
    public sealed record Self : Item;

    /// <summary>No mask.</summary>
    public sealed record Nothing : Item;

    /// <summary>Reported already.</summary>
    public sealed record Unknown : Item;
}

/// <summary>Checks one graph in its author's order and turns it into typed operations.</summary>
public sealed partial class GraphChecker
{
    private readonly ModuleScope scope;
    private readonly SizeFacts facts;
    private readonly Action<Finding> report;
    private readonly GraphUnit graph;
    private readonly List<string> bound = [];
    private readonly List<string> inlining = [];
    private readonly HashSet<string> strangers = [];               // unknown names of contracts, each reported once
    private readonly List<(string Variable, Dim First, Dim Last)> loops = [];
    private readonly Dictionary<string, Dim> callSymbols = [];
    private Dictionary<string, Item> names = [];
    private List<Op> ops = [];
    private bool failed, returnsEarly, unread;

    private GraphChecker(ModuleScope scope, GraphUnit graph, Action<Finding> report)
        => (this.scope, facts, this.graph, this.report, elements) = (scope, scope.Facts, graph, report, new(scope.Facts));

    /// <summary>The typed graph, private graphs in place of their calls; null where something was found.</summary>
    public static CheckedGraph? Check(ModuleScope scope, GraphUnit graph, Action<Finding> report)
    {
        var read = AsWritten(scope, graph, report);
        if (read is not null) Rewriting.Inline(read.Body);
        return read;
    }

    /// <summary>The typed graph with the calls of private graphs, each with its operations, or null where something was found.</summary>
    public static CheckedGraph? AsWritten(ModuleScope scope, GraphUnit graph, Action<Finding> report)
    {
        var checker = new GraphChecker(scope, graph, report);
        var region = checker.Run();
        return checker.failed ? null : new(graph, region, checker.bound) { DropsFrom = checker.flow.Contract.ToEquatable(), Elements = checker.elements.Conclude(region, graph) };
    }

    private void Report(string id, string message, int at, int start = -1, int length = 0, string fix = "", params Related[] related) => Report(new Finding(id, message, at, start, length, fix, related.ToEquatable()));

    private void Report(Finding finding)
    {
        failed = true;
        report(finding);
    }

    private Region Run()
    {
        var region = new Region();
        BindSizes();
        var samples = Sampled(graph.Parameters, name => !callSymbols.ContainsKey(name));
        foreach (var p in graph.Parameters)
        {
            if (p.Kind == ParameterKind.Host)
            {
                names[p.Name] = p.Type == "int" ? new Item.Int(Dim.Symbol(p.Name)) : new Item.Host(Identifier.Escaped(p.Name));
                continue;
            }
            if (p.Shape is null || Declare(p.Shape, binds: true, out var marked) is not { } axes)
            {
                failed = true;
                names[p.Name] = new Item.Unknown();
                continue;
            }
            if (marked.Contains(true)) axes = Marks(p, axes, marked);
            var value = new Value(axes, p.Kind == ParameterKind.Mask ? ElementType.Mask : ElementType.Float, p.Name) { Marked = marked };
            region.Parameters.Add(value);
            names[p.Name] = new Item.Tensor(value);
            flow.Enter(value, p.Kind == ParameterKind.Mask ? [] : [p.Name]);
            elements.Enter(value, p);
            if (p == samples) sampled = (p.Name, value);
        }
        ops = region.Ops;
        var promised = graph.Results.Select(r => (IReadOnlyList<Dim>?)Declare(r, binds: false, out _)).ToList();
        var results = Execute(graph.Body, returns: true);
        if (results is not null) region.Results = Returned(results.Value.Item, results.Value.At, promised);
        else if (graph.Body.Count == 0 || !failed) failed = true;
        elements.Settle(region, Refuse, (index, made) => facts.IsNeverNegative(Room(index, made)));
        return region;
    }

    // an axis that may be 1 is a size of its own; behind ... it is counted from the end
    private List<Dim> Marks(GraphParameter p, List<Dim> axes, List<bool> marked)
    {
        var tokens = p.Shape!.Text.Split([' '], StringSplitOptions.RemoveEmptyEntries);
        var shift = tokens[0] == "..." ? tokens.Length : 0;
        return [.. axes.Select((size, i) => marked[i] && !facts.Same(size, Dim.One) ? facts.Mark(tokens[i].TrimStart('#'), size, p.Name, i - shift) : size)];
    }

    private List<Value> Returned(Item item, Statement.Return at, List<IReadOnlyList<Dim>?> promised)
    {
        var items = item is Item.Many { Items: var several } ? several : [item];
        var places = at.Value is Expr.Tuple t ? t.Items.Select(i => i.Id).ToList() : [.. Enumerable.Repeat(at.Value.Id, items.Count)];
        var values = new List<Value>();
        if (items.Any(i => i is Item.Unknown)) { failed = true; }
        if (items.Count != promised.Count)
        {
            if (graph.Results.Count > 0 && !items.Any(i => i is Item.Unknown)) Report("SEM0206", $"graph returns {items.Count} value{(items.Count == 1 ? "" : "s")}, but [return: Shape] promises {promised.Count}", at.Value.Id, related: Results);
            failed = true;
            return values;
        }
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i] is Item.Nothing or Item.Int or Item.Host) Report("SEM0020", $"`{Name(at.Value is Expr.Tuple named ? named.Items[i] : at.Value)}` is no value; a graph gives back what it computes", places[i]);
            if (items[i] is not Item.Tensor { Value: var value }) { failed = true; continue; }
            values.Add(value);
            if (promised[i] is not { } want) { failed = true; continue; }
            if (Same(want, value.Axes))
            {
                if (graph.Results[i].IsPinned && IsNarrow(value)) Report(Rounded($"result {(i + 1).ToString(System.Globalization.CultureInfo.InvariantCulture)} of {graph.Name}", at.Value is Expr.Tuple tuple ? tuple.Items[i] : at.Value, Result(i)).Found(places[i]));
                continue;
            }
            if (value.Axes.Count == want.Count && Enumerable.Range(0, want.Count).Where(k => !facts.Same(value.Axes[k], want[k])).ToList() is var unequal
                && unequal.All(k => Witness.MayBeEqual(scope, value.Axes[k], want[k])))
            {
                var f = Witness.Unproven(scope, value.Axes[unequal[0]], want[unequal[0]], new CheckFailure());
                Report(f.Found(places[i]));
                continue;
            }
            Report("SEM0206", $"graph returns {Show(value.Axes)}, but [return: Shape] promises {Show(want)}{Explain(value.Axes, want)}", places[i], fix: WithoutClassToken(value.Axes, want), related: Result(i));
        }
        return values;
    }

    private static CheckFailure Rounded(string what, Expr value, params Related[] related)
        => new("SEM0401", $"{what} is pinned to Float32, but `{Name(value)}` arrives as BFloat16; the compiler may not round a pinned value: reduce or normalise it first, or leave its precision to the plan", related: related);

    // what products make, and what follows their type
    private static bool IsNarrow(Value v) => v.Producer switch
    {
        { Kind: OpKind.Linear or OpKind.Conv2d } => true,
        { } op when OpTable.Of(op.Kind).Precision == Precision.Follow && op.Result.Type == ElementType.Float
            => op.Operands.Where(o => o is { Type: ElementType.Float }).ToList() is { Count: > 0 } numbers && numbers.All(o => IsNarrow(o!)),
        _ => false,
    };

    private Related Results => Result(0);

    private Related Result(int i) => new("", RelatedKind.Results, $"{graph.Name}.{i.ToString(System.Globalization.CultureInfo.InvariantCulture)}");

    // the whole slice that takes the first position off, where that is all that is wrong
    private string WithoutClassToken(IReadOnlyList<Dim> got, IReadOnlyList<Dim> want)
    {
        if (got.Count != want.Count) return "";
        var wrong = Enumerable.Range(0, got.Count).Where(i => !facts.Same(got[i], want[i])).ToList();
        if (wrong.Count != 1 || !facts.Same(got[wrong[0]], want[wrong[0]] + 1)) return "";
        return $"[\"{string.Join(" ", got.Select((a, i) => i == wrong[0] ? "[1..]" : (facts.Named(a) ?? a.ToString()) is var name && IsName(name) ? name : ((char)('a' + i)).ToString()))}\"]";
    }

    private string Explain(IReadOnlyList<Dim> got, IReadOnlyList<Dim> want)
    {
        if (got.Count != want.Count) return "";
        for (var i = 0; i < got.Count; i++)
            if (!facts.Same(got[i], want[i]))
                return WithoutClassToken(got, want) is { Length: > 0 } fix ? $". {(facts.Show(got[i]) is var name && IsName(name) ? $"{name} is {facts.Show(want[i])} + 1: drop" : "Drop")} the class token with {fix}?" : Numbers(got[i], want[i], " is not ");
        return "";
    }

    // a name that stands alone somewhere is bound at the call, wherever else it occurs
    private void BindSizes()
    {
        foreach (var p in graph.Parameters)
        {
            if (p.Shape is null) continue;
            if (!Pattern.IsShape(p.Shape.Text)) unread = true;
            foreach (var token in p.Shape.Text.Split([' '], StringSplitOptions.RemoveEmptyEntries).Select(t => t.TrimStart('#')))
                if (token == "..." && !bound.Contains("...")) bound.Add("...");
                else if (IsName(token) && facts[token] is null && !IsBroken(token) && !callSymbols.ContainsKey(token))
                {
                    callSymbols[token] = Dim.Symbol(token);
                    bound.Add(token);
                }
        }
    }

    /// <summary>The axes of a contract.</summary>
    private List<Dim>? Declare(ShapeText shape, bool binds, out List<bool> marked)
    {
        marked = [];
        try
        {
            var pattern = Pattern.Parse(shape.Text);
            var axes = new List<Dim>();
            foreach (var axis in pattern.Axes)
            {
                if (axis.IsGroup || axis.Bracket is not null) throw Pattern.Malformed(shape.Text, "a shape has no groups or brackets", axis.Start, axis.Length);
                var token = axis.Tokens[0].Text;
                if (token[0] == '#' && !binds) throw Pattern.Malformed(shape.Text, "'#' stands at parameters; a result has one size", axis.Start, 1);
                marked.Add(token[0] == '#');
                if (axis.IsEllipsis)
                {
                    axes.Add(Dim.Symbol("…"));
                    continue;
                }
                var name = token.TrimStart('#');
                if (IsBroken(name)) throw new CheckFailure();
                if (Solver().Known(name) is { } known) axes.Add(known);
                else
                {
                    if (SizeText.Parse(name) is not { } size) throw Pattern.Malformed(shape.Text, $"'{token}' is no size", axis.Start, axis.Length);
                    var unknown = Expressions.SizeNames(size).FirstOrDefault(n => Solver().Known(n) is null);
                    if (unknown is null)
                    {
                        // a quotient: the promise is asked for here, unless it was asked for before
                        Expressions.Evaluate(size, n => Solver().Known(n), (n, d) => scope.Divide(n, d, new Expr.Text(shape.Id, shape.Text), f => Report(f with { Start = axis.Start, Length = axis.Length })));
                        throw new CheckFailure();
                    }
                    // a parameter without a shape may be what would have bound it
                    if (IsBroken(unknown) || !strangers.Add(unknown) || unread || graph.Parameters.Any(p => p.Kind != ParameterKind.Host && p.Shape is null)) throw new CheckFailure();
                    throw UnknownSize(unknown, axis.Start + shape.Text.Substring(axis.Start, axis.Length).IndexOf(unknown, StringComparison.Ordinal), unknown.Length);
                }
            }
            return axes;
        }
        catch (CheckFailure f)
        {
            if (f.Id is not null) Report(f.Found(shape.Id));
            failed = true;
            return null;
        }
    }

    private CheckFailure UnknownSize(string name, int start, int length, int at = 0)
    {
        var known = facts.Names.Concat(callSymbols.Keys).Distinct().ToList();
        // N+2 alone does not tell N
        var unbound = at == 0 && graph.Parameters.Any(p => p.Shape is { } s && Expressions.Names(s.Text).Contains(name)) ? $": a call binds a name that stands alone on some axis; make `{name}` a size of the module" : "";
        return new("SEM0101", $"size `{name}` is not known here{(unbound.Length > 0 ? unbound : $"; known are {string.Join(", ", known)}{Nearest.Suggest(name, known)}")}", start, length, at, unbound.Length > 0 ? "" : Nearest.Of(name, known) ?? "");
    }

    private static bool IsName(string s) => s.Length > 0 && (char.IsLetter(s[0]) || s[0] == '_') && s.All(c => char.IsLetterOrDigit(c) || c == '_');

    private (Item Item, Statement.Return At)? Execute(EquatableArray<Statement> body, bool returns)
    {
        for (var i = 0; i < body.Count; i++)
        {
            switch (body[i])
            {
                case Statement.Assign a: Assign(a); break;
                case Statement.For loop: Repeat(loop); break;
                case Statement.If choice: Choose(choice); break;
                case Statement.Return result when returns && i == body.Count - 1: return (Try(result.Value), result);
                case Statement.Return when returnsEarly: break;
                case Statement.Return result:
                    returnsEarly = true;
                    Report("SEM0020", "`return` stands only at the end of a graph; assign a local in both branches and return it there", result.Id); break;
            }
        }
        return null;
    }

    private void Assign(Statement.Assign a)
    {
        var item = Try(a.Value);
        if (a.Targets.Count == 1)
        {
            Bind(a.Targets[0], item);
            return;
        }
        var parts = item as Item.Many;
        // elements of a tuple are counted by C#
        if (parts is { Parts: true } && parts.Items.Count != a.Targets.Count)
            Report("SEM0215", $"the pattern makes {parts.Items.Count} parts, {a.Targets.Count} are taken", a.Id);
        for (var i = 0; i < a.Targets.Count; i++)
            Bind(a.Targets[i], parts is not null && parts.Items.Count == a.Targets.Count ? parts.Items[i] : new Item.Unknown());
        if (parts is not null && parts.Items.Count != a.Targets.Count) failed = true;
        if (parts is null) failed = true;
    }

    private void Bind(string? name, Item item)
    {
        if (name is null) return;
        if (item is Item.Unknown) failed = true;
        if (item is Item.Tensor { Value: { Name: null, Producer: not null } value }) value.Name = name;
        names[name] = item;
    }

    private Item Try(Expr e)
    {
        try { return Evaluate(e); }
        catch (CheckFailure f)
        {
            failed = true;
            asked.Clear();
            if (f.Id is not null) Report(f.Found(e.Id));
            return new Item.Unknown();
        }
    }

    private static void AssignedNames(EquatableArray<Statement> body, HashSet<string> into)
    {
        foreach (var s in body)
            switch (s)
            {
                case Statement.Assign a: foreach (var t in a.Targets) if (t is not null) into.Add(t); break;
                case Statement.For f: AssignedNames(f.Body, into); break;
                case Statement.If c: AssignedNames(c.Then, into); AssignedNames(c.Else, into); break;
            }
    }

    private void Repeat(Statement.For loop)
    {
        var (from, limit) = (Size(loop.From), Size(loop.Limit));
        // a private graph that is read into a loop may have a variable of the same name
        var variable = loop.Variable;
        for (var n = 2; loops.Any(l => l.Variable == variable) || callSymbols.ContainsKey(variable) || graph.Parameters.Any(p => p.Name == variable) && inlining.Count > 0; n++) variable = loop.Variable + n.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var symbol = Dim.Symbol(variable);
        var end = limit is null ? null : loop.Inclusive ? limit + 1 : limit;
        var assigned = new HashSet<string>();
        AssignedNames(loop.Body, assigned);
        var carried = names.Where(n => assigned.Contains(n.Key) && n.Value is Item.Tensor).Select(n => n.Key).OrderBy(n => n, StringComparer.Ordinal).ToList();
        var outer = names;
        var outerOps = ops;
        var region = new Region();
        // where a limit was refused, what depends on the variable stays silent
        names = new(outer) { [loop.Variable] = from is null || end is null ? new Item.Unknown() : new Item.Int(symbol) };
        foreach (var name in carried)
        {
            var value = ((Item.Tensor)outer[name]).Value;
            var parameter = new Value(value.Axes, value.Type, name) { IsBySample = value.IsBySample };
            region.Parameters.Add(parameter);
            flow.Enter(parameter, flow.Into(value));                                     // in the first round
            names[name] = new Item.Tensor(parameter);
        }
        ops = region.Ops;
        loops.Add((variable, from ?? 0, end is null ? symbol : end - 1));
        var drawing = foldedSites;
        Execute(loop.Body, returns: false);
        loops.RemoveAt(loops.Count - 1);
        var runs = from is not null && end is not null && facts.IsNeverNegative(end - from - 1);
        var op = new Op(OpKind.Repeat, loop.Id) { Variable = variable, Body = region, Dims = [from ?? Dim.Zero, end ?? symbol] };
        if (runs) elements.Runs(op);
        foreach (var name in carried)
        {
            var before = ((Item.Tensor)outer[name]).Value;
            if (names[name] is Item.Tensor { Value: var after })
            {
                if (!Same(before.Axes, after.Axes))
                {
                    Report("SEM0221", $"`{name}` enters the loop as {Show(before.Axes)} and leaves it as {Show(after.Axes)}; a loop must keep shapes", LastAssignment(loop.Body, name));
                    continue;
                }
                // what draws in the next round would find other samples there
                if (foldedSites > drawing && before.IsBySample && !IsBySample(after))
                    Report(Unsampled($"a loop that drops samples", $"`{name}` at its end", after, LastAssignment(loop.Body, name)).Found(0));
                region.Results.Add(after);
                op.Operands.Add(before);
                var left = new Value(before.Axes, before.Type, name) { Producer = op, IsBySample = before.IsBySample && after.IsBySample };
                flow.Enter(left, runs ? flow.Into(after) : flow.Into(before).Intersect(flow.Into(after)));
                op.Results.Add(left);
            }
            else failed = true;
        }
        names = outer;
        ops = outerOps;
        if (op.Results.Count == carried.Count)
            for (var i = 0; i < carried.Count; i++) names[carried[i]] = new Item.Tensor(op.Results[i]);
        // what the loop could not make, or makes in another shape, is not known behind it
        else
            foreach (var name in carried.Where(n => op.Results.All(r => r.Name != n))) names[name] = new Item.Unknown();
        foreach (var name in assigned.Where(n => names.TryGetValue(n, out var i) && i is not Item.Tensor)) { names[name] = new Item.Unknown(); failed = true; }
        ops.Add(op);
    }

    private static int LastAssignment(EquatableArray<Statement> body, string name)
    {
        var at = 0;
        foreach (var s in body)
            switch (s)
            {
                case Statement.Assign a when a.Targets.Any(t => t == name): at = a.Targets.Count == 1 ? a.Value.Id : a.Id; break;
                case Statement.For f when LastAssignment(f.Body, name) is > 0 and var inner: at = inner; break;
                case Statement.If c when Math.Max(LastAssignment(c.Then, name), LastAssignment(c.Else, name)) is > 0 and var inner: at = inner; break;
            }
        return at;
    }

    private void Choose(Statement.If choice)
    {
        var mask = choice.Mask is null ? null : names.TryGetValue(choice.Mask, out var m) && m is Item.Tensor { Value: var v } ? v : null;
        if (choice.Mask is not null && names.TryGetValue(choice.Mask, out var known) && known is Item.Nothing)      // inlined without a mask
        {
            Execute(choice.NotNull ? choice.Else : choice.Then, returns: false);
            return;
        }
        var outer = names;
        var outerOps = ops;
        (Region Region, Dictionary<string, Item> Names) Branch(EquatableArray<Statement> body)
        {
            var region = new Region();
            (ops, names) = (region.Ops, new(outer));
            Execute(body, returns: false);
            return (region, names);
        }
        var (then, otherwise) = (Branch(choice.Then), Branch(choice.Else));
        (names, ops) = (outer, outerOps);
        var op = new Op(OpKind.If, choice.Id) { Text = choice.Condition ?? $"{(choice.NotNull ? "" : "!")}{choice.Mask}.IsGiven", Body = then.Region, Otherwise = otherwise.Region };
        if (mask is not null) op.Operands.Add(mask);
        var assigned = new HashSet<string>();
        AssignedNames(choice.Then, assigned);
        AssignedNames(choice.Else, assigned);
        foreach (var name in assigned.OrderBy(n => n, StringComparer.Ordinal))
        {
            if (!then.Names.TryGetValue(name, out var a) || !otherwise.Names.TryGetValue(name, out var b)) continue;      // local to one branch
            if (a is Item.Tensor { Value: var x } && b is Item.Tensor { Value: var y })
            {
                if (!Same(x.Axes, y.Axes))
                {
                    var changes = outer.TryGetValue(name, out var earlier) && earlier is Item.Tensor { Value: var before } && Same(before.Axes, y.Axes) ? choice.Then : choice.Else;
                    var at = LastAssignment(changes, name) is > 0 and var here ? here : LastAssignment(changes.Equals(choice.Then) ? choice.Else : choice.Then, name);
                    Report("SEM0023", $"local `{name}` has different shapes after the two branches: {Show(x.Axes)} and {Show(y.Axes)}", at == 0 ? choice.Id : at);
                    names[name] = new Item.Unknown();
                    continue;
                }
                then.Region.Results.Add(x);
                otherwise.Region.Results.Add(y);
                var merged = new Value(x.Axes, x.Type, name) { Producer = op, IsBySample = x.IsBySample && y.IsBySample };
                flow.Enter(merged, flow.Into(x).Intersect(flow.Into(y)));
                op.Results.Add(merged);
                names[name] = new Item.Tensor(merged);
            }
            else { names[name] = new Item.Unknown(); failed = true; }
        }
        ops.Add(op);
    }

    // an axis may be called i in a loop over i: that number means an axis only where it is passed
    private PatternSolver Solver(IReadOnlyDictionary<string, Dim>? given = null)
        => new(facts, n => given is not null && given.TryGetValue(n, out var passed) ? passed : LocalSize(n) is { } size && !loops.Any(l => size.Equals(Dim.Symbol(l.Variable))) ? size : null, Numbers, BrokenNames, scope.Decide, scope.IsAsked);

    // size arguments by the names under which the pattern finds them: constants are known by these alone
    private Dictionary<string, Dim> Given(IEnumerable<Argument> arguments)
    {
        var all = arguments.ToList();
        var given = new Dictionary<string, Dim>();
        foreach (var (size, name) in new[] { ("size1", "name1"), ("size2", "name2") })
            if (all.FirstOrDefault(a => a.Parameter == name)?.Value is Expr.Text { Value: var written } && all.FirstOrDefault(a => a.Parameter == size)?.Value is { } value && Try(value) is Item.Int { Size: var number })
                given[written] = number;
        return given;
    }

    private bool IsBroken(string name) => scope.Broken.Contains(name) || names.TryGetValue(name, out var item) && item is Item.Unknown;

    // members and locals whose definitions were refused
    private ICollection<string> BrokenNames => names.Any(n => n.Value is Item.Unknown) ? [.. scope.Broken, .. names.Where(n => n.Value is Item.Unknown).Select(n => n.Key)] : scope.Broken;

    private Dim? LocalSize(string name)
        => callSymbols.TryGetValue(name, out var s) ? s : names.TryGetValue(name, out var item) && item is Item.Int { Size: var size } ? size : null;

    /// <summary>Numbers of the first variant that knows every symbol: <c>; aim_base: 224 is not 3136</c>.</summary>
    private string Numbers(Dim found, Dim wanted, string between) => Witness.Numbers(scope, found, wanted, between);

    private bool Same(IReadOnlyList<Dim> a, IReadOnlyList<Dim> b)
    {
        if (a.Count != b.Count) return false;
        for (var i = 0; i < a.Count; i++) if (!facts.Same(a[i], b[i])) return false;
        return true;
    }

    private string Show(IReadOnlyList<Dim> axes) => Shapes.Show(facts, axes);

    private Dim? Size(Expr e)
    {
        var item = Try(e);
        if (item is Item.Int { Size: var size }) return size;
        failed = true;
        return null;
    }
}
