using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>Graphs of one module that call themselves, directly or through each other.</summary>
public static class RecursionChecker
{
    /// <summary>Reports each circle once, at the call that closes it, and returns the graphs in it.</summary>
    public static HashSet<string> Find(ModuleUnit unit, Action<Finding> report)
    {
        var calls = new Dictionary<string, List<(string Callee, int At)>>();
        foreach (var graph in unit.Graphs)
        {
            var found = new List<(string, int)>();
            Visit(graph.Body, e => { if (e is Expr.Call { Target: Expr.This } c) found.Add((c.Method, c.Id)); });
            calls[graph.Name] = found;
        }
        var recursive = new HashSet<string>();
        var done = new HashSet<string>();
        var path = new List<string>();
        foreach (var graph in unit.Graphs) Walk(graph.Name);
        return recursive;

        void Walk(string name)
        {
            if (!calls.TryGetValue(name, out var called) || done.Contains(name)) return;
            path.Add(name);
            foreach (var (callee, at) in called)
            {
                var start = path.IndexOf(callee);
                if (start < 0) { Walk(callee); continue; }
                var circle = path.Skip(start).ToList();
                recursive.UnionWith(circle);
                report(new("SEM0024", $"graph `{callee}` calls itself{(circle.Count > 1 ? $": {string.Join(" → ", circle.Append(callee))}" : "")}", at, -1, 0));
            }
            path.RemoveAt(path.Count - 1);
            done.Add(name);
        }
    }

    /// <summary>Names of the graphs, each after those that it calls; where they go in circles, which are refused, some must come too early.</summary>
    internal static IReadOnlyList<string> CalleesFirst(ModuleUnit unit)
    {
        var (order, entered) = (new List<string>(), new HashSet<string>());
        foreach (var graph in unit.Graphs) Walk(graph);
        return order;

        void Walk(GraphUnit graph)
        {
            if (!entered.Add(graph.Name)) return;
            Visit(graph.Body, e =>
            {
                if (e is Expr.Call { Target: Expr.This } call && unit.Graphs.FirstOrDefault(g => g.Name == call.Method) is { } callee) Walk(callee);
            });
            order.Add(graph.Name);
        }
    }

    /// <summary>Every expression of a body, outer ones first.</summary>
    internal static void Visit(EquatableArray<Statement> body, Action<Expr> visit)
    {
        foreach (var statement in body)
            switch (statement)
            {
                case Statement.Assign a: Visit(a.Value, visit); break;
                case Statement.Return r: Visit(r.Value, visit); break;
                case Statement.For f: Visit(f.Body, visit); break;
                case Statement.If c: Visit(c.Then, visit); Visit(c.Else, visit); break;
            }
    }

    private static void Visit(Expr e, Action<Expr> visit)
    {
        visit(e);
        switch (e)
        {
            case Expr.Element x: Visit(x.Repeated, visit); break;
            case Expr.Binary b: Visit(b.Left, visit); Visit(b.Right, visit); break;
            case Expr.Negate n: Visit(n.Operand, visit); break;
            case Expr.Slice s:
                Visit(s.Value, visit);
                foreach (var argument in s.Arguments) Visit(argument.Value, visit);
                break;
            case Expr.Tuple t: foreach (var item in t.Items) Visit(item, visit); break;
            case Expr.Call c:
                if (c.Target is not null) Visit(c.Target, visit);
                foreach (var argument in c.Arguments) Visit(argument.Value, visit);
                break;
        }
    }
}
