using System.Reflection;
using System.Runtime.CompilerServices;
using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Mutation;

/// <summary>Runs the authors' methods eagerly at random admissible sizes and holds the results to the declared contract. It shares no code with the compiler.</summary>
internal sealed class SpecificationTruth(int seed)
{
    private const int LargestSize = 8, MostTries = 4000, LongestLead = 2, WidestUnit = 5, MostSites = 1024, TriesAtABound = 100;
    private const double Rate = 0.25;
    private readonly Random random = new(seed);
    /// <summary>No sizes were found for which all of a module's facts hold: that it did not fail says nothing.</summary>
    internal bool IsUntried { get; private set; }

    private SizeDraw draw;
    private int made;                                              // modules so far

    /// <summary>The first way in which a module breaks its contract, or null where it held in all trials.</summary>
    internal string? Failure(Type module, int trials)
    {
        for (var trial = 0; trial < trials; trial++)
        {
            using var scope = NewDisposeScope();
            using var guard = no_grad();
            string at;
            object instance;
            Dictionary<string, long> known;
            try
            {
                if (Make(module, DrawOf(trial)) is not var (made, sizes, text))
                {
                    IsUntried = true;
                    return null;
                }
                (instance, known, at) = (made, sizes, text);
            }
            catch (TargetInvocationException e) { return $"{module.Name}: {Line(e)}"; }
            foreach (var graph in Graphs(module))
                if (Failure(instance, graph, known) is { } failure) return $"{module.Name}({at}).{graph.Name}: {failure}";
        }
        return null;
    }

    /// <summary>
    /// A training run in which one sample, what goes in and what is drawn for it, reaches the result of another, or null where none was seen. Where a module works on samples one by one, each is dropped
    /// or kept whole, by its own numbers; shapes do not show whether that holds.
    /// </summary>
    internal string? Leak(Type module, int trials)
    {
        for (var trial = 0; trial < trials; trial++)
        {
            using var scope = NewDisposeScope();
            using var guard = no_grad();
            if (Make(module, SizeDraw.Any) is not var (instance, known, at)) return null;
            foreach (var graph in Graphs(module))
                if (Leak(instance, graph, known) is { } leak) return $"{module.Name}({at}).{graph.Name}: {leak}";
        }
        return null;
    }

    private string? Leak(object instance, MethodInfo graph, Dictionary<string, long> known)
    {
        var call = Call(instance, graph, known);
        // the samples are the first axis of the first value that the call sizes
        var (token, samples) = graph.GetParameters().Select((p, i) => (Tokens: p.ParameterType == typeof(Sym) ? Tokens(p) : [], Shape: call.Shapes[i])).Where(p => p.Tokens.Length > 0 && p.Shape is { Length: > 0 })
            .Select(p => (p.Tokens[0], p.Shape![0])).FirstOrDefault(p => p.Item1 == "..." || char.IsLetter(p.Item1[0]) && !known.ContainsKey(p.Item1));
        if (token is null || samples < 2 || token == "..." && call.Lead.Length == 0) return null;
        var inputs = new Dictionary<ParameterInfo, (Tensor One, Tensor Other)>();
        (Tensor One, Tensor Other) Input(ParameterInfo p, long[] shape)
        {
            if (inputs.TryGetValue(p, out var known)) return known;
            var one = IsIndex(p) ? zeros(shape, int64) : IsCondition(p) ? rand(shape).gt(0.5) : rand(shape);
            var other = one.clone();
            if (Tokens(p)[0] == token && !IsIndex(p) && !IsCondition(p)) other.select(0, 0).add_(1);
            return inputs[p] = (one, other);
        }
        // what one run drops of the first sample, the other keeps
        var draws = rand(MostSites, samples);
        var others = draws.clone();
        using (var first = others.select(1, 0)) first.copy_(where(first.lt(Rate), tensor(0.99f), tensor(0f)));
        List<Sym> Results(bool changed)
        {
            var run = Run.Train(changed ? others : draws);
            var result = graph.Invoke(instance, call.Arguments((p, shape) => Sym.Of(changed ? Input(p, shape).Other : Input(p, shape).One, run)));
            return [.. (result is ITuple tuple ? Enumerable.Range(0, tuple.Length).Select(i => tuple[i]) : [result]).Cast<Sym>()];
        }
        try
        {
            var (before, after) = (Results(false), Results(true));
            for (var i = 0; i < before.Count; i++)
                if (before[i].Value.dim() > 0 && before[i].Value.size(0) == samples && !before[i].Value.narrow(0, 1, samples - 1).nan_to_num().equal(after[i].Value.narrow(0, 1, samples - 1).nan_to_num()).all().item<bool>())
                    return $"the first of {samples} samples reaches another one";
            return null;
        }
        catch (TargetInvocationException e) { return Line(e); }
    }

    /// <summary>Graphs of a module, as their author wrote them.</summary>
    internal static IEnumerable<MethodInfo> Graphs(Type module) => module.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic).Where(m => m.GetCustomAttribute<GraphAttribute>() is not null);

    /// <summary>The least sizes first, then distinct ones and any in turns.</summary>
    internal static SizeDraw DrawOf(int trial) => trial == 0 ? SizeDraw.Least : trial % 2 == 1 ? SizeDraw.Distinct : SizeDraw.Any;

    /// <summary>A module at admissible sizes; null where there are none.</summary>
    internal (object Instance, Dictionary<string, long> Sizes, string Text)? Make(Type module, SizeDraw draw)
    {
        this.draw = draw;
        made++;
        var constructor = module.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
        if (Admissible(module, constructor) is not { } arguments) return null;
        if (draw == SizeDraw.Least) Shrink(module, constructor, arguments);
        var text = string.Join(", ", constructor.GetParameters().Zip(arguments, (p, a) => $"{p.Name} = {a}"));
        var known = constructor.GetParameters().Zip(arguments).Where(p => p.Second is int).ToDictionary(p => p.First.Name!, p => (long)(int)p.Second!);
        return (constructor.Invoke(arguments), known, text);
    }

    // sizes for which every [Require] holds
    private object?[]? Admissible(Type module, ConstructorInfo constructor)
    {
        var facts = module.GetCustomAttributes<RequireAttribute>().Select(r => r.Fact).ToList();
        object?[]? fallback = null;
        for (var n = 0; n < MostTries; n++)
        {
            var arguments = constructor.GetParameters().Select(p => Argument(p, n)).ToArray();
            var sizes = constructor.GetParameters().Zip(arguments).Where(p => p.Second is int).ToDictionary(p => p.First.Name!, p => (long)(int)p.Second!);
            if (!HoldAll(module, facts, sizes)) continue;
            if (draw != SizeDraw.Distinct || sizes.Values.Distinct().Count() == sizes.Count && !sizes.ContainsValue(1)) return arguments;
            fallback ??= arguments;
            if (n > MostTries / 10) break;
        }
        return fallback;
    }

    private static bool HoldAll(Type module, List<string> facts, Dictionary<string, long> sizes)
    {
        object? instance = null;
        long Size(string name) => sizes.TryGetValue(name, out var s) ? s : Member(instance ??= Bare(module, sizes), name);
        return facts.All(f => Holds(f, Size));
    }

    // every size that can be 1 beside the others is: an index, a slice or a broadcast that needs more shows there. A module that refuses such an instance when it is made keeps the size
    private static void Shrink(Type module, ConstructorInfo constructor, object?[] arguments)
    {
        var facts = module.GetCustomAttributes<RequireAttribute>().Select(r => r.Fact).ToList();
        var parameters = constructor.GetParameters();
        for (var i = 0; i < parameters.Length; i++)
        {
            if (arguments[i] is not int before || before == 1) continue;
            arguments[i] = 1;
            if (HoldAll(module, facts, parameters.Zip(arguments).Where(p => p.Second is int).ToDictionary(p => p.First.Name!, p => (long)(int)p.Second!)) && CanBeMade(constructor, arguments)) continue;
            arguments[i] = before;
        }
    }

    private static bool CanBeMade(ConstructorInfo constructor, object?[] arguments)
    {
        try
        {
            constructor.Invoke(arguments);
            return true;
        }
        catch (TargetInvocationException) { return false; }
    }

    private object? Argument(ParameterInfo p, int attempt)
    {
        if (p.ParameterType == typeof(bool)) return Choice(p);
        if (p.ParameterType == typeof(double)) return draw != SizeDraw.Any && random.Next(2) == 0 ? 0 : Rate;        // an author may ask whether it is 0
        if (p.ParameterType.IsEnum && Enum.GetValues(p.ParameterType) is var values) return values.GetValue(random.Next(values.Length));
        if (p.ParameterType != typeof(int)) return p.HasDefaultValue ? p.DefaultValue : null;
        // as small as the facts allow: the bound grows with the attempts
        if (draw == SizeDraw.Least && attempt < MostTries / 2) return random.Next(1, 2 + attempt / TriesAtABound);
        // small sizes as long as they do; facts such as W % (8*K) == 0 need larger ones
        var unit = 1 << random.Next(attempt < MostTries / 2 ? 3 : WidestUnit + 1);
        return random.Next(3) == 0 ? random.Next(1, LargestSize) : unit * random.Next(1, 4);
    }

    // both ways of every choice, and two choices together in all four: the digits of the number of the draw
    private bool Choice(ParameterInfo p)
        => (made >> ((ConstructorInfo)p.Member).GetParameters().Where(o => o.ParameterType == typeof(bool)).TakeWhile(o => o != p).Count() % 2 & 1) != 0;

    // members read constructor parameters from fields the compiler makes for them
    private static object Bare(Type module, Dictionary<string, long> sizes)
    {
        var bare = RuntimeHelpers.GetUninitializedObject(module);
        foreach (var field in module.GetFields(BindingFlags.Instance | BindingFlags.NonPublic))
            foreach (var (name, value) in sizes)
                if (field.Name == $"<{name}>P") field.SetValue(bare, (int)value);
        return bare;
    }

    private static long Member(object instance, string name)
        => instance.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic) is { } member && member.PropertyType == typeof(int) ? (int)member.GetValue(instance)! : throw new UnknownSize(name);

    private static bool Holds(string fact, Func<string, long> size)
    {
        foreach (var sign in (string[])["==", "!=", "<=", ">=", "<", ">"])
        {
            var at = fact.IndexOf(sign, StringComparison.Ordinal);
            if (at < 0) continue;
            var left = fact[..at].Split('%');
            try
            {
                var value = left.Length == 2 ? Number(left[0], size) % Number(left[1], size) : Number(left[0], size);
                var right = Number(fact[(at + sign.Length)..], size);
                return sign switch { "==" => value == right, "!=" => value != right, "<=" => value <= right, ">=" => value >= right, "<" => value < right, _ => value > right };
            }
            catch (Exception e) when (e is UnknownSize or DivideByZeroException or TargetInvocationException) { return false; }
        }
        return false;
    }

    private sealed class UnknownSize(string name) : Exception($"size {name} is not known");

    private static long Number(string text, Func<string, long> size) => AxisPattern.Number(text.Trim().Replace("'", ""), n => checked((int)size(n)));

    private string? Failure(object instance, MethodInfo graph, Dictionary<string, long> known)
    {
        try
        {
            var call = Call(instance, graph, known);
            var result = graph.Invoke(instance, call.Arguments((p, shape) => Sym.Of(IsIndex(p) ? zeros(shape, int64) : IsCondition(p) ? rand(shape).gt(0.5) : rand(shape), Run.Eval)));
            var promised = graph.ReturnParameter.GetCustomAttribute<ShapeAttribute>()?.Shapes ?? throw new ArgumentException("nothing is promised");
            var values = result is ITuple tuple ? Enumerable.Range(0, tuple.Length).Select(i => tuple[i]).ToList() : [result];
            if (values.Count != promised.Count) return $"gives {values.Count} values, promises {promised.Count}";
            for (var i = 0; i < values.Count; i++)
            {
                long[] want = [.. promised[i].Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(t => t == "..." ? call.Lead : [Number(t, call.Size)])];
                var got = ((Sym)values[i]!).Value.shape;
                if (!want.SequenceEqual(got)) return $"gives {string.Join(' ', got)}, promises {string.Join(' ', want)} ({promised[i]})";
            }
            return null;
        }
        catch (TargetInvocationException e) { return Line(e); }
        catch (Exception e) when (e is UnknownSize or ArgumentException or DivideByZeroException or OverflowException) { return e.Message; }
    }

    /// <summary>One way to call a graph: axes of every value, and what else it takes.</summary>
    internal sealed record GraphCall(MethodInfo Graph, long[] Lead, Func<string, long> Size, IReadOnlyList<long[]?> Shapes, IReadOnlyList<object?> Others)
    {
        /// <summary>The arguments of the specification; a mask comes from a rank that <paramref name="value"/> makes.</summary>
        internal object?[] Arguments(Func<ParameterInfo, long[], Sym> value)
            => [.. Graph.GetParameters().Select((p, i) => Shapes[i] is not { } shape ? Others[i] : p.ParameterType == typeof(Sym) ? value(p, shape) : OrderMask.UpTo(value(p, [shape[0], shape[1] - 1])))];
    }

    /// <summary>A parameter that holds positions, by its name.</summary>
    internal static bool IsIndex(ParameterInfo p) => p.Name!.EndsWith("index", StringComparison.OrdinalIgnoreCase);

    /// <summary>A parameter that holds truth values, by its name.</summary>
    internal static bool IsCondition(ParameterInfo p) => p.Name!.StartsWith("is", StringComparison.Ordinal) && p.Name.Length > 2 && char.IsUpper(p.Name[2]);

    /// <summary>Draws the sizes that the call binds, and whether masks are given.</summary>
    internal GraphCall Call(object instance, MethodInfo graph, Dictionary<string, long> known)
    {
        var bound = new Dictionary<string, long>();
        var masked = graph.GetParameters().Where(p => p.ParameterType == typeof(OrderMask)).ToList();
        var lead = Enumerable.Range(0, random.Next(LongestLead + 1)).Select(_ => (long)random.Next(1, 4)).ToArray();
        bool IsKnown(string name) => known.ContainsKey(name) || instance.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)?.PropertyType == typeof(int);
        long Size(string name) => bound.TryGetValue(name, out var b) ? b : known.TryGetValue(name, out var k) ? k : Member(instance, name);
        foreach (var token in graph.GetParameters().SelectMany(p => Tokens(p)).Select(t => t.TrimStart('#')))
            if (token.All(c => char.IsLetterOrDigit(c) || c == '_') && !char.IsDigit(token[0]) && !IsKnown(token) && !bound.ContainsKey(token)) bound[token] = draw == SizeDraw.Least && !masked.Any(m => Tokens(m).Skip(1).Contains(token)) ? 1 : Bound(known.Values.Concat(bound.Values));
        // masks are square and come from ranks; without one the axes that it would order have sizes of their own
        var withMask = masked.Count == 0 || masked.Any(m => !m.IsOptional) || random.Next(2) == 0;
        foreach (var mask in withMask ? masked : [])
            if (Tokens(mask) is [_, var rows, var columns] && bound.ContainsKey(rows) && bound.ContainsKey(columns)) bound[columns] = bound[rows];
        var (shapes, others) = (new List<long[]?>(), new List<object?>());
        foreach (var p in graph.GetParameters())
        {
            var isValue = p.ParameterType == typeof(Sym) || p.ParameterType == typeof(OrderMask) && withMask;
            long[]? shape = isValue ? [.. Tokens(p).SelectMany(t => t == "..." ? lead : t[0] == '#' && random.Next(2) == 0 ? [1] : [Number(t.TrimStart('#'), Size)])] : null;
            if (p.ParameterType == typeof(OrderMask) && shape is { Length: not 3 }) throw new ArgumentException("a mask has three axes");
            shapes.Add(shape);
            others.Add(isValue || p.ParameterType == typeof(OrderMask) ? null : p.ParameterType == typeof(bool) ? random.Next(2) == 0 : p.ParameterType == typeof(int) ? 0 : p.ParameterType == typeof(double) ? 0.5 : p.HasDefaultValue ? p.DefaultValue : null);
        }
        return new(graph, lead, Size, shapes, others);
    }

    // a size that a call binds; distinct from those there are, where distinct ones are asked for
    private long Bound(IEnumerable<long> others)
    {
        if (draw != SizeDraw.Distinct) return random.Next(2, 6);
        var taken = others.ToHashSet();
        var free = Enumerable.Range(2, 2 * LargestSize).Select(n => (long)n).Where(n => !taken.Contains(n)).ToList();
        return free[random.Next(Math.Min(4, free.Count))];
    }

    private static string[] Tokens(ParameterInfo p) => p.GetCustomAttribute<ShapeAttribute>()?.Shapes is [var text, ..] ? text.Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];

    private static string Line(Exception e) => (e.InnerException ?? e).Message.Split('\n')[0];
}
